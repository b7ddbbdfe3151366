// SPDX-License-Identifier: Apache-2.0
//! The arithmetic: copy of every dtype, neg and abs, add, sub and mul in f32. Each is one walk over the result's elements.
use crate::abi::*;
use crate::support::{dtype_bytes, Image};

#[derive(Clone, Copy, Default)]
pub struct Tensor {
    pub dtype: u32,
    pub rank: usize,
    pub storage: u32, // of the root
    pub index: u32,   // of the input, output or param; else the root's value
    pub is_view: bool,
    pub offset: i64, // bytes from the root's begin; of a constant from the image's
    pub bytes: u64,
    pub dims: [i64; 8],
    pub strides: [i64; 8], // bytes
}

#[derive(Clone, Copy, Default)]
pub struct Step {
    pub opcode: u32,
    pub function: u32,
    pub tensors: [Tensor; 3], // result, operands
}

pub struct Claims(pub [rlx_claim; 3]);
unsafe impl Sync for Claims {}
const fn claim(opcode: u32, dtypes: u64, functions: u64) -> rlx_claim {
    rlx_claim {
        opcode, version_min: 1, version_max: 1, max_rank: 8, dtypes, functions,
        operand_layouts: 0xAAAA_AAAA_AAAA_AAAA, // any, for every operand
        precisions: RLX_PRECISION_F32,
        flags: RLX_CLAIM_DETERMINISTIC | RLX_CLAIM_ROW_INVARIANT,
    }
}
pub static CLAIMS: Claims = Claims([
    claim(RLX_OP_COPY, 0x3FFE, u64::MAX),
    claim(RLX_OP_UNARY, 1 << RLX_DTYPE_F32, 1 << RLX_UNARY_NEG | 1 << RLX_UNARY_ABS),
    claim(RLX_OP_BINARY, 1 << RLX_DTYPE_F32, 1 << RLX_BINARY_ADD | 1 << RLX_BINARY_SUB | 1 << RLX_BINARY_MUL),
]);

pub fn read_tensor(image: &Image, index: u32) -> Option<Tensor> {
    let value: rlx_lir_value = image.record(RLX_LIR_VALUES, index as u64)?;
    let is_view = value.storage == RLX_LIR_STORAGE_VIEW;
    let root = if is_view { value.index } else { index };
    let root_value: rlx_lir_value = image.record(RLX_LIR_VALUES, root as u64)?;
    if root_value.storage == RLX_LIR_STORAGE_VIEW || value.rank > 8 || is_view == (value.strides == RLX_NO_INDEX) {
        return None;
    }
    let mut t = Tensor { dtype: value.dtype, rank: value.rank as usize, storage: root_value.storage, is_view, ..Tensor::default() };
    let element = dtype_bytes(t.dtype) as i64;
    let (mut dense, mut low, mut high) = (element, 0i64, element);
    for i in (0..t.rank).rev() {
        t.dims[i] = image.record(RLX_LIR_I64, value.dims as u64 + i as u64)?;
        t.strides[i] = if is_view { image.record::<i64>(RLX_LIR_I64, value.strides as u64 + i as u64)?.checked_mul(element)? } else { dense };
        dense = dense.checked_mul(t.dims[i])?;
        let span = t.strides[i].checked_mul((t.dims[i] - 1).max(0))?;
        if span < 0 { low = low.checked_add(span)? } else { high = high.checked_add(span)? }
        if t.dims[i] < 0 {
            return None;
        }
    }
    let begin = if is_view { i64::try_from(value.byte_offset).ok()? } else { 0 };
    t.bytes = dense as u64;
    if element == 0 || t.bytes != value.byte_size {
        return None;
    }
    if dense > 0 && (begin + low < 0 || begin.checked_add(high)? as u64 > root_value.byte_size) {
        return None;
    }
    t.offset = begin;
    t.index = root;
    match t.storage {
        RLX_LIR_STORAGE_CONSTANT => t.offset += image.constant(root_value.byte_offset, root_value.byte_size)? as i64,
        RLX_LIR_STORAGE_INPUT | RLX_LIR_STORAGE_OUTPUT | RLX_LIR_STORAGE_PARAM => {
            t.index = root_value.index;
            let kind = [RLX_LIR_INPUTS, RLX_LIR_OUTPUTS, RLX_LIR_PARAMS][t.storage as usize - 1];
            if t.index as u64 >= image.count(kind) {
                return None;
            }
        }
        _ => {}
    }
    Some(t)
}

/// Why an op is not ours, with the operand and the attribute that the reason is about.
pub type No = (&'static str, u32, u32);

pub fn read_op(image: &Image, index: u64) -> Result<Step, No> {
    let no = |why| (why, RLX_NO_INDEX, 0);
    let op: rlx_lir_op = image.record(RLX_LIR_OPS, index).ok_or(no("the op leaves the image"))?;
    let claim = CLAIMS.0.iter().find(|row| row.opcode == op.opcode && op.ns.offset == RLX_NO_INDEX).ok_or(no("no kernel for this op"))?;
    if image.count(RLX_LIR_STATE) != 0 {
        return Err(no("an image with state"));
    }
    if op.version < claim.version_min || op.version > claim.version_max {
        return Err(no("another version of the op"));
    }
    if op.operand_count != 1 + (op.opcode == RLX_OP_BINARY) as u32 || op.result_count != 1 || op.region_count != 0 || op.flags != 0 {
        return Err(no("another form of the op"));
    }
    let mut step = Step { opcode: op.opcode, ..Step::default() };
    for i in 0..op.attr_count as u64 {
        let attr: rlx_lir_attr = image.record(RLX_LIR_ATTRS, op.attrs as u64 + i).ok_or(no("an attribute leaves the image"))?;
        if attr.key != RLX_ATTR_FN || attr.r#type != RLX_LIR_ATTR_I64 || op.opcode == RLX_OP_COPY {
            return Err(("an attribute that is not known", RLX_NO_INDEX, attr.key));
        }
        step.function = attr.value.min(63) as u32;
    }
    if claim.functions >> step.function & 1 == 0 {
        return Err(("the function", RLX_NO_INDEX, RLX_ATTR_FN));
    }
    for k in 0..=op.operand_count as usize {
        let place = if k == 0 { op.results as u64 } else { op.operands as u64 + k as u64 - 1 };
        let operand = (k as u32).wrapping_sub(1);
        let t = image.record(RLX_LIR_U32, place).and_then(|value| read_tensor(image, value)).ok_or(("the tensor cannot be read", operand, 0))?;
        let y = if k == 0 { t } else { step.tensors[0] };
        if claim.dtypes >> t.dtype & 1 == 0 || t.dtype != y.dtype {
            return Err(("the dtype", operand, 0));
        }
        if t.rank != y.rank || (0..t.rank).any(|i| t.dims[i] != y.dims[i] && (t.dims[i] != 1 || op.opcode != RLX_OP_BINARY)) {
            return Err(("the dims do not agree", operand, 0));
        }
        step.tensors[k] = t;
    }
    if step.tensors[0].is_view { Err(no("the result is a view")) } else { Ok(step) }
}

unsafe fn load(at: *const u8) -> f32 {
    (at as *const f32).read_unaligned()
}

/// Runs the step on the addresses of its tensors. `asks` is called now and then, and may end the walk.
pub unsafe fn run<E>(step: &Step, at: [*mut u8; 3], mut asks: impl FnMut() -> Result<(), E>) -> Result<(), E> {
    let y = &step.tensors[0];
    if y.bytes == 0 {
        return Ok(());
    }
    let element = dtype_bytes(y.dtype) as usize;
    let mut index = [0i64; 8];
    let mut work = 0u64;
    loop {
        let place = |k: usize| {
            let t = &step.tensors[k];
            let offset: i64 = (0..t.rank).map(|i| if t.dims[i] == 1 { 0 } else { index[i] * t.strides[i] }).sum();
            at[k].offset(offset as isize)
        };
        match step.opcode {
            RLX_OP_COPY => std::ptr::copy(place(1), place(0), element),
            RLX_OP_UNARY => {
                let x = load(place(1));
                (place(0) as *mut f32).write_unaligned(if step.function == RLX_UNARY_NEG { -x } else { x.abs() });
            }
            _ => {
                let (a, b) = (load(place(1)), load(place(2)));
                let made = match step.function {
                    RLX_BINARY_ADD => a + b,
                    RLX_BINARY_SUB => a - b,
                    _ => a * b,
                };
                (place(0) as *mut f32).write_unaligned(made);
            }
        }
        work += 1;
        if work % (1 << 18) == 0 {
            asks()?;
        }
        let Some(axis) = (0..y.rank).rev().find(|&axis| index[axis] + 1 < y.dims[axis]) else { return Ok(()) };
        index[axis] += 1;
        index[axis + 1..].fill(0);
    }
}
