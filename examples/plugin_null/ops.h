/* SPDX-License-Identifier: Apache-2.0 */
/* The skeleton of a backend's arithmetic, for examples/plugin_c/plugin.c: it claims `copy`, which every backend must, and
   nothing else. So it moves bytes, keeps weights, and runs what has no work in it. Begin here with your own ops. */
#ifndef PLUGIN_OPS_H_
#define PLUGIN_OPS_H_

#include <rlx/author.h>

typedef struct step {
  uint32_t opcode;
  rlx_author_tensor at[3]; /* result, first operand, second operand */
} step;

#define CLAIMS 1u
static const rlx_claim claims[CLAIMS] = {
    {RLX_OP_COPY, 1, 1, RLX_MAX_RANK, 0x3FFEu /* bool to f64 */, ~(uint64_t)0, 0xAAAAAAAAAAAAAAAAu /* any layout */,
     RLX_PRECISION_F32, RLX_CLAIM_DETERMINISTIC | RLX_CLAIM_ROW_INVARIANT}};

/* Null, or why the tensors do not fit the walk. */
static const char* walk_elements(const step* s, uint32_t tensors, int repeats) {
  const rlx_author_tensor *y = &s->at[0], *x = &s->at[1];
  (void)tensors, (void)repeats;
  return y->rank == x->rank && memcmp(y->dims, x->dims, sizeof y->dims) == 0 ? NULL : "the dims do not agree";
}

/* Fills the step of op `index`; null, or why it is none, with the operand or attribute that the reason is about. */
static const char* read_op(const rlx_lir_image* image, uint32_t index, step* s, uint32_t* operand, uint32_t* key) {
  const rlx_lir_op* op = rlx_lir_op_at(image, index);
  const uint32_t *operands = rlx_lir_operands(image, op), *results = rlx_lir_results(image, op);
  memset(s, 0, sizeof *s);
  *operand = RLX_NO_INDEX, *key = 0;
  if (rlx_lir_count(image, RLX_LIR_STATE)) return "an image with state";
  if (!operands || !results || op->opcode != RLX_OP_COPY || op->ns.offset != RLX_NO_INDEX) return "no kernel for this op";
  if (op->version != 1) return "another version of the op";
  if (op->operand_count != 1 || op->result_count != 1 || op->region_count || op->flags) return "another form of the op";
  if (op->attr_count) return "an attribute that is not known";
  s->opcode = op->opcode;
  if (!rlx_author_read_tensor(image, results[0], &s->at[0]) || s->at[0].is_view) return "the result cannot be read";
  *operand = 0;
  if (!rlx_author_read_tensor(image, operands[0], &s->at[1])) return "the tensor cannot be read";
  return s->at[0].dtype == s->at[1].dtype ? walk_elements(s, 2, 0) : "the dtype";
}

/* Copies element by element, the result being dense. Asks now and then whether to go on. */
static int32_t run_step(const step* s, char* y, const char* x, const char* unused, const rlx_call* call, rlx_error* error) {
  const rlx_author_tensor* const t = &s->at[1];
  uint64_t done, rest;
  int32_t status;
  (void)unused;
  for (done = 0; done * t->element_bytes < t->bytes; ++done) {
    int64_t offset = 0;
    uint32_t axis;
    for (axis = t->rank, rest = done; axis-- > 0; rest /= (uint64_t)t->dims[axis])
      offset += (int64_t)(rest % (uint64_t)t->dims[axis]) * t->strides[axis];
    memcpy(y + done * t->element_bytes, x + offset, t->element_bytes);
    if (done % (1u << 20) == (1u << 20) - 1 && (status = rlx_author_stopped("execute", call, error))) return status;
  }
  return RLX_STATUS_OK;
}

#endif /* PLUGIN_OPS_H_ */
