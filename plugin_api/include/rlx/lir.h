/* SPDX-License-Identifier: Apache-2.0 */
/* The LIR image: the one byte form of a compiled graph whose dims are all numbers, and a reader for it in plain C.
   Little-endian, 8-byte aligned, offsets instead of pointers. Records grow at their end: walk them with the stride. */
#ifndef RLX_LIR_H_
#define RLX_LIR_H_

#include <rlx/ops.h>
#include <rlx/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RLX_LIR_MAGIC 0x0052494C584C52u /* "RLXLIR" read as a little-endian u64 */
#define RLX_LIR_VERSION 1u

typedef struct rlx_lir_header {
  uint64_t magic;
  uint32_t version;
  uint32_t header_bytes;
  uint64_t total_bytes;
  rlx_hash128 content_hash;  /* everything but debug */
  rlx_hash128 graph_hash;    /* everything but plan and debug */
  rlx_hash128 skeleton_hash; /* graph without its numbers: i64 pool, offsets and sizes of values, numeric attributes */
  rlx_hash128 template_hash; /* of the template it came from; zero = none */
  uint32_t section_count;
  uint32_t section_stride;
  uint64_t section_offset; /* of the directory */
} rlx_lir_header;          /* 104 bytes */

#define RLX_LIR_SECTION_REQUIRED 1u /* a reader that does not know the kind refuses the image */
typedef struct rlx_lir_section {
  uint32_t kind;
  uint32_t flags;
  uint64_t offset; /* 8-byte aligned */
  uint64_t count;  /* records */
  uint32_t stride; /* bytes a record */
  uint32_t reserved;
} rlx_lir_section; /* 32 bytes */

#define RLX_LIR_STRINGS 1u   /* bytes */
#define RLX_LIR_VALUES 2u    /* rlx_lir_value */
#define RLX_LIR_OPS 3u       /* rlx_lir_op; the main graph first, in schedule order, then those of regions */
#define RLX_LIR_REGIONS 4u   /* rlx_lir_region; region 0 is the main graph */
#define RLX_LIR_U32 5u       /* u32 pool */
#define RLX_LIR_I64 6u       /* i64 pool: dims, strides, integer lists */
#define RLX_LIR_ATTRS 7u     /* rlx_lir_attr */
#define RLX_LIR_CONSTANTS 8u /* bytes; a constant is at most 4096 bytes, 8-byte aligned */
#define RLX_LIR_PARAMS 9u    /* rlx_lir_param */
#define RLX_LIR_INPUTS 10u   /* rlx_lir_io */
#define RLX_LIR_OUTPUTS 11u  /* rlx_lir_io */
#define RLX_LIR_STATE 12u    /* rlx_lir_state */
#define RLX_LIR_EXTENTS 13u  /* rlx_lir_extent; optional */
#define RLX_LIR_ARENAS 14u   /* rlx_lir_arena; plan, optional */
#define RLX_LIR_PLACES 15u   /* rlx_lir_place, one per value; plan, optional */
#define RLX_LIR_DEBUG 16u    /* u32 name (string) per op; optional */
#define RLX_LIR_SECTION_KINDS 17u

/* A name in the strings section; offset RLX_NO_INDEX = none. */
typedef struct rlx_lir_string {
  uint32_t offset;
  uint32_t bytes;
} rlx_lir_string;

#define RLX_LIR_STORAGE_TEMP 0u     /* an op's result that the plan may place in an arena */
#define RLX_LIR_STORAGE_INPUT 1u    /* index: input */
#define RLX_LIR_STORAGE_OUTPUT 2u   /* index: output; an op's result written straight to the caller */
#define RLX_LIR_STORAGE_PARAM 3u    /* index: param */
#define RLX_LIR_STORAGE_CONSTANT 4u /* byte_offset: in the constants section */
#define RLX_LIR_STORAGE_VIEW 5u     /* index: root value, itself no view; byte_offset: of element [0,..,0] in it */
#define RLX_LIR_STORAGE_REGION 6u   /* a parameter or inner value of a region */

/* A tensor. Dense row-major unless it is a VIEW, and a VIEW always has strides (0 = broadcast, negative = reversed). */
typedef struct rlx_lir_value {
  uint32_t dtype;
  uint32_t rank;
  uint32_t dims;    /* first of `rank` in the i64 pool */
  uint32_t strides; /* first of `rank` in the i64 pool, in elements; RLX_NO_INDEX = dense */
  uint32_t storage;
  uint32_t index;
  uint64_t byte_offset;
  uint64_t byte_size; /* elements x bytes of an element; what the dense form needs */
} rlx_lir_value;      /* 40 bytes */

/* An operation. Operands are values or RLX_NO_INDEX (absent); results are values. Attributes are sorted by key. */
typedef struct rlx_lir_op {
  rlx_lir_string ns; /* namespace; RLX_NO_INDEX = core */
  uint32_t opcode;
  uint32_t version;
  uint32_t flags; /* 0 */
  uint32_t operands; /* first in the u32 pool */
  uint32_t operand_count;
  uint32_t results;
  uint32_t result_count;
  uint32_t attrs; /* first record */
  uint32_t attr_count;
  uint32_t regions; /* first in the u32 pool: region indices */
  uint32_t region_count;
  uint32_t reserved;
} rlx_lir_op; /* 56 bytes */

/* A list of ops with parameters and results that sees nothing else. Equal regions are stored once. */
typedef struct rlx_lir_region {
  uint32_t ops; /* first op */
  uint32_t op_count;
  uint32_t params; /* first in the u32 pool: values; one per operand of the op that carries the region, absent ones too */
  uint32_t param_count;
  uint32_t results; /* first in the u32 pool: values */
  uint32_t result_count;
} rlx_lir_region; /* 24 bytes */

#define RLX_LIR_ATTR_I64 1u
#define RLX_LIR_ATTR_F64 2u      /* bits in `value` */
#define RLX_LIR_ATTR_DTYPE 3u
#define RLX_LIR_ATTR_I64_LIST 4u /* value: first in the i64 pool; count */
#define RLX_LIR_ATTR_F64_LIST 5u /* value: first in the i64 pool (bits); count */
#define RLX_LIR_ATTR_STRING 6u   /* value: offset in strings; count bytes */
typedef struct rlx_lir_attr {
  uint32_t key;
  uint32_t type;
  uint64_t value;
  uint32_t count;
  uint32_t reserved;
} rlx_lir_attr; /* 24 bytes */

#define RLX_LIR_PARAM_OWNED 1u /* the template carries the bytes; never reported as unset */
typedef struct rlx_lir_param {
  rlx_lir_string name;
  uint32_t set_index; /* entry of the param set; the same for every variant of a template */
  uint32_t dtype;
  uint32_t rank;
  uint32_t dims; /* i64 pool */
  uint32_t flags;
  uint32_t value; /* the value that stands for it */
} rlx_lir_param;  /* 32 bytes */

typedef struct rlx_lir_io {
  rlx_lir_string name;
  uint32_t value; /* of an output: any value; one with storage OUTPUT is written in place, others are copied */
  uint32_t flags;
} rlx_lir_io; /* 16 bytes */

#define RLX_LIR_STATE_MUST_ALIAS 1u
typedef struct rlx_lir_state {
  uint32_t input;
  uint32_t output;
  uint32_t flags;
  uint32_t reserved;
} rlx_lir_state; /* 16 bytes */

typedef struct rlx_lir_extent {
  uint32_t value;
  uint32_t axis;
  uint32_t size_value; /* an i64 scalar */
  uint32_t reserved;
} rlx_lir_extent; /* 16 bytes */

typedef struct rlx_lir_arena {
  uint64_t bytes;
  uint32_t alignment;
  uint32_t space;
} rlx_lir_arena; /* 16 bytes */

typedef struct rlx_lir_place {
  uint32_t arena; /* RLX_NO_INDEX: not in an arena */
  uint32_t reserved;
  uint64_t offset;
} rlx_lir_place; /* 16 bytes */

/* ---- Reader -------------------------------------------------------------------------------------------------------
   rlx_lir_open checks that every section lies inside the image; the accessors below check every index. A plugin that
   opens with it and uses them cannot be led outside the image; what the ops mean is the core's to verify. */
typedef struct rlx_lir_image {
  const unsigned char* bytes;
  uint64_t size;
  const rlx_lir_header* header;
  rlx_lir_section sections[RLX_LIR_SECTION_KINDS]; /* by kind; count 0 = absent */
} rlx_lir_image;

/* Bytes a record of `kind` must have at least; 0 = unknown kind. */
static inline uint32_t rlx_lir_record_bytes(uint32_t kind) {
  static const uint32_t bytes[RLX_LIR_SECTION_KINDS] = {0, 1, 40, 56, 24, 4, 8, 24, 1, 32, 16, 16, 16, 16, 16, 16, 4};
  return kind < RLX_LIR_SECTION_KINDS ? bytes[kind] : 0;
}

/* `data` is 8-byte aligned and outlives the reader. Errors: INVALID_IMAGE with *detail the offending offset; VERSION;
   UNSUPPORTED for an unknown required section, with *detail its kind. */
static inline int32_t rlx_lir_open(rlx_lir_image* image, const void* data, uint64_t size, uint64_t* detail) {
  const rlx_lir_header* header = (const rlx_lir_header*)data;
  uint64_t i, dummy;
  if (!detail) detail = &dummy;
  memset(image, 0, sizeof *image);
  *detail = 0;
  if (!data || size < sizeof(rlx_lir_header) || ((uintptr_t)data & 7u)) return RLX_STATUS_INVALID_IMAGE;
  if (header->magic != RLX_LIR_MAGIC) return RLX_STATUS_INVALID_IMAGE;
  *detail = header->version;
  if (header->version != RLX_LIR_VERSION) return RLX_STATUS_VERSION;
  *detail = offsetof(rlx_lir_header, total_bytes);
  if (header->total_bytes != size || header->header_bytes < sizeof(rlx_lir_header)) return RLX_STATUS_INVALID_IMAGE;
  *detail = header->section_offset;
  if (header->section_offset > size || (header->section_offset & 7u) || header->section_stride < sizeof(rlx_lir_section) ||
      (header->section_stride & 7u) || header->section_count > (size - header->section_offset) / header->section_stride)
    return RLX_STATUS_INVALID_IMAGE;
  image->bytes = (const unsigned char*)data;
  image->size = size;
  image->header = header;
  for (i = 0; i < header->section_count; ++i) {
    const uint64_t at = header->section_offset + i * header->section_stride;
    const rlx_lir_section* section = (const rlx_lir_section*)(image->bytes + at);
    const uint32_t least = rlx_lir_record_bytes(section->kind);
    *detail = section->kind;
    if (!least) {
      if (section->flags & RLX_LIR_SECTION_REQUIRED) return RLX_STATUS_UNSUPPORTED;
      continue;
    }
    *detail = at;
    if (section->stride < least || (least > 1 && section->stride % (least % 8 ? 4 : 8)) || (section->offset & 7u) ||
        section->offset > size || section->count > (size - section->offset) / section->stride ||
        (least == 1 && section->stride != 1) || image->sections[section->kind].kind || section->count >= RLX_NO_INDEX)
      return RLX_STATUS_INVALID_IMAGE;
    image->sections[section->kind] = *section;
  }
  return RLX_STATUS_OK;
}

static inline uint64_t rlx_lir_count(const rlx_lir_image* image, uint32_t kind) { return image->sections[kind].count; }

/* Record `index` of a section, or null past its end. */
static inline const void* rlx_lir_at(const rlx_lir_image* image, uint32_t kind, uint64_t index) {
  const rlx_lir_section* section = &image->sections[kind];
  return index < section->count ? image->bytes + section->offset + index * section->stride : NULL;
}

/* `count` consecutive entries of the u32 or i64 pool (whose stride is exact) or bytes, or null where they leave it. */
static inline const void* rlx_lir_range(const rlx_lir_image* image, uint32_t kind, uint64_t first, uint64_t count) {
  const rlx_lir_section* section = &image->sections[kind];
  if (section->count && section->stride != rlx_lir_record_bytes(kind)) return NULL;
  if (first > section->count || count > section->count - first) return NULL;
  return image->bytes + section->offset + first * rlx_lir_record_bytes(kind);
}

static inline const rlx_lir_value* rlx_lir_value_at(const rlx_lir_image* image, uint32_t value) {
  return (const rlx_lir_value*)rlx_lir_at(image, RLX_LIR_VALUES, value);
}
static inline const rlx_lir_op* rlx_lir_op_at(const rlx_lir_image* image, uint32_t op) {
  return (const rlx_lir_op*)rlx_lir_at(image, RLX_LIR_OPS, op);
}
static inline const rlx_lir_region* rlx_lir_region_at(const rlx_lir_image* image, uint32_t region) {
  return (const rlx_lir_region*)rlx_lir_at(image, RLX_LIR_REGIONS, region);
}
/* `rank` dims of a value; null where they leave the pool or the rank is above RLX_MAX_RANK. */
static inline const int64_t* rlx_lir_dims(const rlx_lir_image* image, const rlx_lir_value* value) {
  if (!value || value->rank > RLX_MAX_RANK) return NULL;
  return (const int64_t*)rlx_lir_range(image, RLX_LIR_I64, value->dims, value->rank);
}
/* `rank` strides of a value in elements; null for a dense value (value->strides == RLX_NO_INDEX) or a bad range. */
static inline const int64_t* rlx_lir_strides(const rlx_lir_image* image, const rlx_lir_value* value) {
  if (!value || value->strides == RLX_NO_INDEX || value->rank > RLX_MAX_RANK) return NULL;
  return (const int64_t*)rlx_lir_range(image, RLX_LIR_I64, value->strides, value->rank);
}
static inline const uint32_t* rlx_lir_operands(const rlx_lir_image* image, const rlx_lir_op* op) {
  return op ? (const uint32_t*)rlx_lir_range(image, RLX_LIR_U32, op->operands, op->operand_count) : NULL;
}
static inline const uint32_t* rlx_lir_results(const rlx_lir_image* image, const rlx_lir_op* op) {
  return op ? (const uint32_t*)rlx_lir_range(image, RLX_LIR_U32, op->results, op->result_count) : NULL;
}
/* The attribute `key` of an op, or null. */
static inline const rlx_lir_attr* rlx_lir_attr_of(const rlx_lir_image* image, const rlx_lir_op* op, uint32_t key) {
  uint32_t i;
  for (i = 0; op && i < op->attr_count; ++i) {
    const rlx_lir_attr* attr = (const rlx_lir_attr*)rlx_lir_at(image, RLX_LIR_ATTRS, (uint64_t)op->attrs + i);
    if (!attr) return NULL;
    if (attr->key == key) return attr;
  }
  return NULL;
}
/* An integer attribute, or `otherwise` where the op has none of that key and type. */
static inline int64_t rlx_lir_attr_i64(const rlx_lir_image* image, const rlx_lir_op* op, uint32_t key, int64_t otherwise) {
  const rlx_lir_attr* attr = rlx_lir_attr_of(image, op, key);
  return attr && (attr->type == RLX_LIR_ATTR_I64 || attr->type == RLX_LIR_ATTR_DTYPE) ? (int64_t)attr->value : otherwise;
}
static inline double rlx_lir_attr_f64(const rlx_lir_image* image, const rlx_lir_op* op, uint32_t key, double otherwise) {
  const rlx_lir_attr* attr = rlx_lir_attr_of(image, op, key);
  double value = otherwise;
  if (attr && attr->type == RLX_LIR_ATTR_F64) memcpy(&value, &attr->value, sizeof value);
  return value;
}
/* An integer or double list (`type` is RLX_LIR_ATTR_*_LIST): 8-byte entries and their count, or null. */
static inline const int64_t* rlx_lir_attr_list(const rlx_lir_image* image, const rlx_lir_op* op, uint32_t key, uint32_t type,
                                               uint32_t* count) {
  const rlx_lir_attr* attr = rlx_lir_attr_of(image, op, key);
  *count = 0;
  if (!attr || attr->type != type) return NULL;
  *count = attr->count;
  return (const int64_t*)rlx_lir_range(image, RLX_LIR_I64, attr->value, attr->count);
}
/* A string of the strings section; data null where it leaves the section or is absent. */
static inline rlx_str rlx_lir_text(const rlx_lir_image* image, rlx_lir_string string) {
  rlx_str text = {NULL, 0};
  if (string.offset == RLX_NO_INDEX) return text;
  text.data = (const char*)rlx_lir_range(image, RLX_LIR_STRINGS, string.offset, string.bytes);
  text.size = text.data ? string.bytes : 0;
  return text;
}
/* Bytes of an element; 0 for dtypes that nothing computes with. */
static inline uint32_t rlx_dtype_bytes(uint32_t dtype) {
  switch (dtype) {
    case RLX_DTYPE_BOOL: case RLX_DTYPE_I8: case RLX_DTYPE_U8: return 1;
    case RLX_DTYPE_I16: case RLX_DTYPE_U16: case RLX_DTYPE_F16: case RLX_DTYPE_BF16: return 2;
    case RLX_DTYPE_I32: case RLX_DTYPE_U32: case RLX_DTYPE_F32: return 4;
    case RLX_DTYPE_I64: case RLX_DTYPE_U64: case RLX_DTYPE_F64: return 8;
    default: return 0;
  }
}

/* Bytes of a CONSTANT value, as many as its dims need; null where they leave the section or the value is no constant. */
static inline const void* rlx_lir_constant(const rlx_lir_image* image, const rlx_lir_value* value) {
  const int64_t* dims = rlx_lir_dims(image, value);
  uint64_t bytes;
  uint32_t i;
  if (!dims || value->storage != RLX_LIR_STORAGE_CONSTANT || (value->byte_offset & 7u)) return NULL;
  bytes = rlx_dtype_bytes(value->dtype);
  for (i = 0; i < value->rank; ++i) {
    if (dims[i] < 0 || (dims[i] && bytes > image->size / (uint64_t)dims[i])) return NULL;
    bytes *= (uint64_t)dims[i];
  }
  return bytes == value->byte_size ? rlx_lir_range(image, RLX_LIR_CONSTANTS, value->byte_offset, bytes) : NULL;
}
/* The name of origin of an op, NUL-terminated; null where the image has none. */
static inline const char* rlx_lir_op_name(const rlx_lir_image* image, uint32_t op) {
  const uint32_t* name = (const uint32_t*)rlx_lir_at(image, RLX_LIR_DEBUG, op);
  const uint64_t size = rlx_lir_count(image, RLX_LIR_STRINGS);
  const char* text;
  if (!name || *name >= size) return NULL;
  text = (const char*)rlx_lir_range(image, RLX_LIR_STRINGS, *name, 1);
  return text && memchr(text, 0, size - *name) ? text : NULL;
}

#ifdef __cplusplus
}
#endif

#endif /* RLX_LIR_H_ */
