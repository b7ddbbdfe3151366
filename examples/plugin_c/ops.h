/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of the backend, and what it claims: replace this file. An op becomes a step: a walk over an index space
   in which each tensor has a byte stride per axis (0 repeats it), so that every layout is welcome. */
#ifndef PLUGIN_OPS_H_
#define PLUGIN_OPS_H_

#include <math.h>
#include <rlx/author.h>

typedef struct step {
  uint32_t opcode, fn, rank;
  rlx_author_tensor at[3]; /* result, first operand, second operand */
  int64_t dims[2 * RLX_MAX_RANK], strides[3][2 * RLX_MAX_RANK];
} step;

/* ---- Claims: what may be native; read_op decides for each op. ------------------------------------------------------- */
#define ANY_LAYOUT 0xAAAAAAAAAAAAAAAAu /* RLX_LAYOUT_ANY for every operand */
#define FLAGS (RLX_CLAIM_DETERMINISTIC | RLX_CLAIM_ROW_INVARIANT)
#define F32 RLX_DTYPE_BIT(RLX_DTYPE_F32)
static const rlx_claim claims[] = {
    {RLX_OP_COPY, 1, 1, RLX_MAX_RANK, 0x3FFEu /* bool to f64 */, ~(uint64_t)0, ANY_LAYOUT, RLX_PRECISION_F32, FLAGS},
    {RLX_OP_UNARY, 1, 1, RLX_MAX_RANK, F32, 0x1FFFFFFEu /* neg to sigmoid */, ANY_LAYOUT, RLX_PRECISION_F32, FLAGS},
    {RLX_OP_BINARY, 1, 1, RLX_MAX_RANK, F32, 0x39Eu /* add sub mul div pow max min */, ANY_LAYOUT, RLX_PRECISION_F32, FLAGS},
    {RLX_OP_DOT, 1, 1, RLX_MAX_RANK, F32, ~(uint64_t)0, ANY_LAYOUT, RLX_PRECISION_F32, FLAGS}};
#define CLAIMS 4u
/* Beside each claim: how many operands, and the attributes that are understood. Any other attribute refuses the op. */
static const uint32_t operand_counts[CLAIMS] = {1, 1, 2, 2};
static const uint32_t attributes[CLAIMS][5] = {
    {0}, {RLX_ATTR_FN}, {RLX_ATTR_FN},
    {RLX_ATTR_ACC, RLX_ATTR_CONTRACT_A, RLX_ATTR_CONTRACT_B, RLX_ATTR_BATCH_A, RLX_ATTR_BATCH_B}};

/* ---- Reading an op: null, or why it is not ours --------------------------------------------------------------------- */
static void add_axis(step* s, int64_t dim, int64_t y, int64_t a, int64_t b) {
  s->dims[s->rank] = dim;
  s->strides[0][s->rank] = y, s->strides[1][s->rank] = a, s->strides[2][s->rank++] = b;
}

/* Operands beside the result; a dim of 1 is repeated where the op allows it. */
static const char* walk_elements(step* s, uint32_t tensors, int repeats) {
  uint32_t i, k;
  for (i = 0; i < s->at[0].rank; ++i) {
    int64_t stride[3] = {0, 0, 0};
    for (k = 0; k < tensors; ++k) {
      const int same = s->at[k].rank == s->at[0].rank && s->at[k].dims[i] == s->at[0].dims[i];
      if (!same && (s->at[k].rank != s->at[0].rank || !repeats || s->at[k].dims[i] != 1)) return "the dims do not agree";
      stride[k] = same ? s->at[k].strides[i] : 0;
    }
    add_axis(s, s->at[0].dims[i], stride[0], stride[1], stride[2]);
  }
  return NULL;
}

/* Axes of the result first, then those that are summed, along which its stride is 0. */
static const char* walk_dot(const rlx_lir_image* image, const rlx_lir_op* op, step* s) {
  const rlx_author_tensor *y = &s->at[0], *a = &s->at[1], *b = &s->at[2];
  const int64_t *batch_a, *batch_b, *sum_a, *sum_b;
  uint32_t ba, bb, sa, sb, i; /* the same as bits */
  const uint32_t batches = rlx_author_axes(image, op, RLX_ATTR_BATCH_A, a, &batch_a, &ba);
  const uint32_t sums = rlx_author_axes(image, op, RLX_ATTR_CONTRACT_A, a, &sum_a, &sa);
  if (batches > RLX_MAX_RANK || sums > RLX_MAX_RANK ||
      rlx_author_axes(image, op, RLX_ATTR_BATCH_B, b, &batch_b, &bb) != batches ||
      rlx_author_axes(image, op, RLX_ATTR_CONTRACT_B, b, &sum_b, &sb) != sums || ba & sa || bb & sb ||
      y->rank + batches + 2 * sums != a->rank + b->rank)
    return "the axes do not fit";
  for (i = 0; i < batches; ++i)
    add_axis(s, a->dims[batch_a[i]], y->strides[s->rank], a->strides[batch_a[i]], b->strides[batch_b[i]]);
  for (i = 0; i < a->rank; ++i)
    if (!((ba | sa) >> i & 1)) add_axis(s, a->dims[i], y->strides[s->rank], a->strides[i], 0);
  for (i = 0; i < b->rank; ++i)
    if (!((bb | sb) >> i & 1)) add_axis(s, b->dims[i], y->strides[s->rank], 0, b->strides[i]);
  for (i = 0; i < y->rank; ++i)
    if (y->dims[i] != s->dims[i] || (i < batches && b->dims[batch_b[i]] != s->dims[i])) return "the dims do not agree";
  for (i = 0; i < sums; ++i) {
    if (a->dims[sum_a[i]] != b->dims[sum_b[i]]) return "the summed dims do not agree";
    add_axis(s, a->dims[sum_a[i]], 0, a->strides[sum_a[i]], b->strides[sum_b[i]]);
  }
  return NULL;
}

/* Fills the step of op `index`; null, or why it is none, with the operand or attribute that the reason is about. */
static const char* read_op(const rlx_lir_image* image, uint32_t index, step* s, uint32_t* operand, uint32_t* key) {
  const rlx_lir_op* op = rlx_lir_op_at(image, index);
  const uint32_t *operands = rlx_lir_operands(image, op), *results = rlx_lir_results(image, op);
  uint32_t row = 0, i, k;
  memset(s, 0, sizeof *s);
  *operand = RLX_NO_INDEX, *key = 0;
  if (rlx_lir_count(image, RLX_LIR_STATE)) return "an image with state";
  while (op && row < CLAIMS && claims[row].opcode != op->opcode) ++row;
  if (!operands || !results || row == CLAIMS || op->ns.offset != RLX_NO_INDEX) return "no kernel for this op";
  if (op->version < claims[row].version_min || op->version > claims[row].version_max) return "another version of the op";
  if (op->operand_count != operand_counts[row] || op->result_count != 1 || op->region_count || op->flags)
    return "another form of the op";
  for (i = 0; i < op->attr_count; ++i) {
    const rlx_lir_attr* attr = (const rlx_lir_attr*)rlx_lir_at(image, RLX_LIR_ATTRS, (uint64_t)op->attrs + i);
    for (k = 0; attr && k < 5 && attributes[row][k] != attr->key;) ++k;
    if (!attr || k == 5) return *key = attr ? attr->key : 0, "an attribute that is not known";
  }
  for (k = 0; k <= op->operand_count; ++k) {
    *operand = k - 1;
    if (!rlx_author_read_tensor(image, k ? operands[k - 1] : results[0], &s->at[k])) return "the tensor cannot be read";
    if (!(claims[row].dtypes >> s->at[k].dtype & 1) || s->at[k].dtype != s->at[0].dtype) return "the dtype";
  }
  *operand = RLX_NO_INDEX;
  if (s->at[0].is_view) return "the result is a view";
  s->opcode = op->opcode;
  if (attributes[row][0] == RLX_ATTR_FN) s->fn = (uint32_t)rlx_lir_attr_i64(image, op, RLX_ATTR_FN, 0);
  if (s->fn > 63 || !(claims[row].functions >> s->fn & 1)) return *key = RLX_ATTR_FN, "the function";
  if (rlx_lir_attr_i64(image, op, RLX_ATTR_ACC, RLX_DTYPE_F32) != RLX_DTYPE_F32) return *key = RLX_ATTR_ACC, "sums in f32";
  if (op->opcode == RLX_OP_DOT) return walk_dot(image, op, s);
  return walk_elements(s, op->operand_count + 1, op->opcode == RLX_OP_BINARY);
}

/* ---- Running a step: in double, rounded once ------------------------------------------------------------------------ */
static double negate(double x) { return -x; }
static double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
static double rsqrt(double x) { return 1 / sqrt(x); }
static double recip(double x) { return 1 / x; }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double (*const unary[])(double) = {
    NULL, negate, fabs, sign, floor, ceil, trunc, rint, exp,  expm1, log,  log1p, sqrt,  rsqrt, recip,
    sin,  cos,    tan,  asin, acos,  atan, sinh,  cosh, tanh, asinh, acosh, atanh, erf,   sigmoid};

static double binary(uint32_t fn, double a, double b) {
  switch (fn) {
    case RLX_BINARY_ADD: return a + b;
    case RLX_BINARY_SUB: return a - b;
    case RLX_BINARY_MUL: return a * b;
    case RLX_BINARY_DIV: return a / b;
    case RLX_BINARY_POW: return pow(a, b);
    case RLX_BINARY_MAX: return a > b || a != a ? a : b;
    default: return a < b || a != a ? a : b; /* min */
  }
}

/* Weights may lie at any address. */
static double load(const char* at) { float x; return memcpy(&x, at, sizeof x), x; }
static void store(char* at, double value) { const float x = (float)value; memcpy(at, &x, sizeof x); }

/* The whole walk: the elements of the innermost axis, then one step along the others. Asks now and then whether to go on. */
static int32_t run_step(const step* s, char* y, const char* a, const char* b, const rlx_call* call, rlx_error* error) {
  int64_t index[2 * RLX_MAX_RANK] = {0}, n;
  uint32_t axis, work = 0;
  int32_t status;
  if (s->opcode == RLX_OP_DOT && s->at[0].bytes) memset(y, 0, s->at[0].bytes);
  for (axis = 0; axis < s->rank; ++axis)
    if (!s->dims[axis]) return RLX_STATUS_OK;
  for (;;) {
    if (s->opcode == RLX_OP_COPY) memcpy(y, a, s->at[0].element_bytes);
    else if (s->opcode == RLX_OP_UNARY) store(y, unary[s->fn](load(a)));
    else if (s->opcode == RLX_OP_BINARY) store(y, binary(s->fn, load(a), load(b)));
    else store(y, load(y) + load(a) * load(b)); /* the dot's sum */
    if (++work % (1u << 20) == 0 && (status = rlx_author_stopped("execute", call, error))) return status;
    for (axis = s->rank; axis-- > 0; index[axis] = 0) {
      n = ++index[axis] < s->dims[axis] ? 1 : 1 - s->dims[axis]; /* one on, or back to the axis' begin */
      y += n * s->strides[0][axis], a += n * s->strides[1][axis], b += n * s->strides[2][axis];
      if (n == 1) break;
    }
    if (axis == UINT32_MAX) return RLX_STATUS_OK;
  }
}

#endif /* PLUGIN_OPS_H_ */
