// SPDX-License-Identifier: Apache-2.0
//! rlx.compile/1 and rlx.execute/1: an executable is a copy of the image and its steps; a context is addresses.
use std::ffi::c_void;
use std::mem::size_of;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::abi::*;
use crate::memory::{memory_of, rlx_param_set};
use crate::ops::{self, read_op, read_tensor, Step, Tensor, CLAIMS};
use crate::support::*;
use crate::{no_options, refuse, rlx_device};

pub struct rlx_executable {
    pub device: *mut rlx_device,
    pub id: u64,                // no other executable of the process has or had it
    image: Image<'static>,      // of `words`
    words: Vec<u64>,            // a copy of the image's bytes
    steps: Vec<Step>,
    offsets: Vec<u64>, // of each temporary in the arena
    arena: rlx_arena_info,
}
impl rlx_executable {
    /// Entry of the set and tensor of each param.
    pub fn params(&self) -> impl Iterator<Item = (u32, Tensor)> + '_ {
        (0..self.image.count(RLX_LIR_PARAMS)).filter_map(|i| {
            let param: rlx_lir_param = self.image.record(RLX_LIR_PARAMS, i)?;
            Some((param.set_index, read_tensor(&self.image, param.value)?))
        })
    }
    fn io(&self, kind: u32, index: u64) -> Option<(rlx_lir_io, Tensor)> {
        let io: rlx_lir_io = self.image.record(kind, index)?;
        Some((io, read_tensor(&self.image, io.value)?))
    }
    fn counts(&self) -> (usize, usize) {
        (self.image.count(RLX_LIR_INPUTS) as usize, self.image.count(RLX_LIR_OUTPUTS) as usize)
    }
}

unsafe extern "C" fn claims(device: *mut rlx_device, from: *const c_void, out: *mut rlx_claims_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        read_none("claims", from)?;
        some("claims", device)?;
        check_out("claims", out, 24)?;
        let rows = &CLAIMS.0;
        write_out(out, &rlx_claims_out { struct_size: 24, count: rows.len() as u32, rows: rows.as_ptr(), stride: size_of::<rlx_claim>() as u32, reserved: 0 });
        Ok(())
    })
}
unsafe extern "C" fn query_support(device: *mut rlx_device, from: *const rlx_query_support_in, out: *mut rlx_query_support_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        let own = read_in("query_support", from, 56)?;
        some("query_support", device)?;
        check_out("query_support", out, 8)?;
        no_options("query_support", own.options, own.option_count, own.option_stride)?;
        let image = Image::open("query_support", own.image, own.image_bytes)?;
        let count = image.count(RLX_LIR_OPS);
        if own.verdict_count < count || (own.verdict_count != 0 && (own.verdicts.is_null() || own.verdict_stride < 160)) {
            refuse!(RLX_STATUS_INVALID_ARGUMENT, own.verdict_count, "query_support: {} verdicts, wanted {count}", own.verdict_count);
        }
        for i in 0..count {
            let mut verdict: rlx_verdict = zeroed();
            verdict.verdict = RLX_VERDICT_NATIVE;
            verdict.operand_index = RLX_NO_INDEX;
            if let Err((why, operand, key)) = read_op(&image, i) {
                let regions = image.record(RLX_LIR_OPS, i).map_or(0, |op: rlx_lir_op| op.region_count);
                verdict.verdict = if regions == 1 { RLX_VERDICT_EXPAND } else { RLX_VERDICT_UNSUPPORTED };
                verdict.operand_index = operand;
                verdict.attribute_key = key;
                verdict.reason[..why.len()].copy_from_slice(why.as_bytes());
            }
            ((own.verdicts as *mut u8).add(i as usize * own.verdict_stride as usize) as *mut rlx_verdict).write_unaligned(verdict);
        }
        write_out(out, &rlx_query_support_out { struct_size: 8, depends: RLX_DEPENDS_DIMS });
        Ok(())
    })
}

unsafe fn build(device: *mut rlx_device, own: &rlx_compile_in) -> Outcome<rlx_executable> {
    static LAST: AtomicU64 = AtomicU64::new(0);
    Image::open("compile", own.image, own.image_bytes)?;
    let mut words = filled("compile", own.image_bytes.div_ceil(8) as usize, 0u64)?;
    std::ptr::copy_nonoverlapping(own.image as *const u8, words.as_mut_ptr() as *mut u8, own.image_bytes as usize);
    let image = Image::open("compile", words.as_ptr() as *const c_void, own.image_bytes)?;
    if image.count(RLX_LIR_STATE) != 0 {
        refuse!(RLX_STATUS_UNSUPPORTED, 0, "compile: an image with state");
    }
    let Some(main) = image.record::<rlx_lir_region>(RLX_LIR_REGIONS, 0) else { refuse!(RLX_STATUS_INVALID_IMAGE, 0, "compile: no main graph") };
    let outputs = image.count(RLX_LIR_OUTPUTS);
    let most = (main.op_count as u64).min(image.count(RLX_LIR_OPS)) + outputs;
    let mut steps = filled("compile", most as usize, Step::default())?;
    steps.clear();
    for i in 0..main.op_count {
        match read_op(&image, main.ops as u64 + i as u64) {
            Ok(step) => steps.push(step),
            Err((why, operand, _)) => {
                let op = main.ops + i;
                return fault(RLX_STATUS_UNSUPPORTED, operand as u64, format_args!("compile: op {op}: {why}")).map_err(|fault| Fault { op, ..fault });
            }
        }
    }
    let mut offsets = filled("compile", image.count(RLX_LIR_VALUES) as usize, 0u64)?;
    let mut arena = rlx_arena_info { bytes: 0, alignment: 64, space: RLX_SPACE_DEVICE };
    for (i, offset) in offsets.iter_mut().enumerate() {
        if let Some(value) = image.record::<rlx_lir_value>(RLX_LIR_VALUES, i as u64).filter(|value| value.storage == RLX_LIR_STORAGE_TEMP) {
            *offset = arena.bytes;
            arena.bytes += value.byte_size.div_ceil(64) * 64;
        }
    }
    for i in 0..image.count(RLX_LIR_INPUTS) {
        if image.record(RLX_LIR_INPUTS, i).and_then(|io: rlx_lir_io| read_tensor(&image, io.value)).is_none() {
            refuse!(RLX_STATUS_INVALID_IMAGE, i, "compile: input {i} cannot be read");
        }
    }
    // An output that no op writes in place is a copy of a value.
    for i in 0..outputs {
        let read = image.record(RLX_LIR_OUTPUTS, i).and_then(|io: rlx_lir_io| read_tensor(&image, io.value));
        let Some(x) = read else { refuse!(RLX_STATUS_INVALID_IMAGE, i, "compile: output {i} cannot be read") };
        if x.storage == RLX_LIR_STORAGE_OUTPUT && x.index as u64 == i && !x.is_view {
            continue;
        }
        let mut y = Tensor { storage: RLX_LIR_STORAGE_OUTPUT, index: i as u32, offset: 0, is_view: false, ..x };
        let mut stride = dtype_bytes(y.dtype) as i64;
        for axis in (0..y.rank).rev() {
            y.strides[axis] = stride;
            stride *= y.dims[axis];
        }
        steps.push(Step { opcode: RLX_OP_COPY, function: 0, tensors: [y, x, Tensor::default()] });
    }
    Ok(rlx_executable { device, id: 1 + LAST.fetch_add(1, Ordering::Relaxed), image, words, steps, offsets, arena })
}
unsafe extern "C" fn compile_lir(device: *mut rlx_device, from: *const rlx_compile_in, out: *mut rlx_compile_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        let own = read_in("compile", from, 72)?;
        some("compile", device)?;
        check_out("compile", out, 16)?;
        no_options("compile", own.options, own.option_count, own.option_stride)?;
        stopped("compile", own.call)?;
        let executable = boxed("compile", build(device, &own)?)?;
        write_out(out, &rlx_compile_out { struct_size: 16, reserved: 0, executable });
        Ok(())
    })
}
unsafe extern "C" fn executable_destroy(executable: *mut rlx_executable) {
    unbox(executable)
}
unsafe extern "C" fn executable_info(executable: *mut rlx_executable, from: *const c_void, out: *mut rlx_executable_info_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        read_none("executable_info", from)?;
        let e = some("executable_info", executable)?;
        check_out("executable_info", out, 48)?;
        write_out(out, &rlx_executable_info_out {
            struct_size: 48,
            plan: RLX_PLAN_OWN,
            arenas: &e.arena,
            arena_count: (e.arena.bytes != 0) as u32,
            arena_stride: size_of::<rlx_arena_info>() as u32,
            code_bytes: (e.words.len() * 8 + e.steps.len() * size_of::<Step>()) as u64,
            pack_key_low: 0,
            pack_key_high: 0,
        });
        Ok(())
    })
}
pub static COMPILE: rlx_compile_1 = rlx_compile_1 {
    claims: Some(claims), query_support: Some(query_support), compile_lir: Some(compile_lir), executable_destroy: Some(executable_destroy),
    executable_info: Some(executable_info),
};

pub struct rlx_context {
    executable: *mut rlx_executable,
    arena: *mut u8,
    tensors: Vec<*mut u8>, // inputs, outputs
}

unsafe extern "C" fn context_create(executable: *mut rlx_executable, from: *const rlx_context_create_in, out: *mut rlx_context_create_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        let own = read_in("context_create", from, 24)?;
        let e = some("context_create", executable)?;
        check_out("context_create", out, 16)?;
        let wanted = (e.arena.bytes != 0) as u32;
        if own.arena_count != wanted || (wanted != 0 && (own.arenas.is_null() || own.arena_stride < 32)) {
            refuse!(RLX_STATUS_INVALID_ARGUMENT, own.arena_count, "context_create: {} arenas, wanted {wanted}", own.arena_count);
        }
        let mut arena = null_mut();
        if wanted != 0 {
            let lent = &*own.arenas;
            let mut view: rlx_view = zeroed();
            (view.host, view.buffer, view.offset, view.bytes) = (lent.host, lent.buffer, lent.offset, lent.bytes);
            arena = memory_of(e.device, &view) as *mut u8;
            if arena.is_null() || arena as usize % 64 != 0 || lent.bytes < e.arena.bytes {
                refuse!(RLX_STATUS_INVALID_ARGUMENT, 0, "context_create: arena 0 has {} bytes, wanted {} of this device, aligned to 64", lent.bytes, e.arena.bytes);
            }
        }
        let (inputs, outputs) = e.counts();
        let tensors = filled("context_create", inputs + outputs, null_mut())?;
        let context = boxed("context_create", rlx_context { executable, arena, tensors })?;
        write_out(out, &rlx_context_create_out { struct_size: 16, reserved: 0, context });
        Ok(())
    })
}
unsafe extern "C" fn context_destroy(context: *mut rlx_context) {
    unbox(context)
}

/// Checks every view before anything runs, and keeps the addresses.
unsafe fn bind(e: &rlx_executable, tensors: &mut [*mut u8], own: &rlx_execute_in) -> Outcome<()> {
    let (inputs, outputs) = e.counts();
    let stride_fits = |count: usize, list: *const rlx_view, stride: u32| count == 0 || (!list.is_null() && stride as usize >= size_of::<rlx_view>());
    if own.input_count as usize != inputs || own.output_count as usize != outputs || !stride_fits(inputs, own.inputs, own.input_stride)
        || !stride_fits(outputs, own.outputs, own.output_stride) {
        refuse!(RLX_STATUS_INVALID_ARGUMENT, own.input_count, "execute: {} inputs and {} outputs, wanted {inputs} and {outputs}", own.input_count, own.output_count);
    }
    for i in 0..inputs + outputs {
        let (word, kind, at, list, stride) = match i < inputs {
            true => ("input", RLX_LIR_INPUTS, i, own.inputs, own.input_stride),
            false => ("output", RLX_LIR_OUTPUTS, i - inputs, own.outputs, own.output_stride),
        };
        let view = &*((list as *const u8).add(at * stride as usize) as *const rlx_view);
        let Some((io, t)) = e.io(kind, at as u64) else { refuse!(RLX_STATUS_INVALID_IMAGE, at, "execute: {word} {at} cannot be read") };
        let dims_given = if view.dims.is_null() { &[][..] } else { std::slice::from_raw_parts(view.dims, t.rank) };
        let mut dense = 1;
        let strides_fit = view.strides.is_null() || view.rank as usize != t.rank || t.bytes == 0 || (0..t.rank).rev().all(|axis| {
            let fits = t.dims[axis] <= 1 || *view.strides.add(axis) == dense;
            dense *= t.dims[axis];
            fits
        });
        let data = memory_of(e.device, view);
        let wrong = if view.dtype != t.dtype { "dtype" }
            else if view.rank as usize != t.rank { "rank" }
            else if dims_given != &t.dims[..t.rank] { "dims" }
            else if view.bytes < t.bytes { "bytes" }
            else if !strides_fit { "strides" }
            else if t.bytes != 0 && (data.is_null() || data as usize as u64 % dtype_bytes(t.dtype) != 0) { "address" }
            else { "" };
        if !wrong.is_empty() {
            refuse!(RLX_STATUS_INVALID_ARGUMENT, at, "execute: wrong {wrong} of {word} {at}, \"{}\"; dtype {}, rank {}, {} bytes, wanted {}, {}, {}",
                e.image.name(io.name), view.dtype, view.rank, view.bytes, t.dtype, t.rank, t.bytes);
        }
        for other in (0..i).filter(|_| i >= inputs) {
            let (kind, index) = if other < inputs { (RLX_LIR_INPUTS, other) } else { (RLX_LIR_OUTPUTS, other - inputs) };
            let bytes = e.io(kind, index as u64).map_or(0, |(_, t)| t.bytes) as usize;
            let begin = tensors[other] as usize;
            if bytes != 0 && t.bytes != 0 && (data as usize) < begin + bytes && begin < data as usize + t.bytes as usize {
                refuse!(RLX_STATUS_INVALID_ARGUMENT, at, "execute: output {at}, \"{}\", overlaps tensor {other}", e.image.name(io.name));
            }
        }
        tensors[i] = data as *mut u8;
    }
    Ok(())
}
unsafe fn check_set(e: &rlx_executable, set: *const rlx_param_set) -> Outcome<()> {
    if e.image.count(RLX_LIR_PARAMS) == 0 {
        return Ok(());
    }
    let set = some("execute: params", set)?;
    if set.device != e.device {
        refuse!(RLX_STATUS_INVALID_ARGUMENT, 0, "execute: the param set is of another device");
    }
    if !set.is_ready_for(e.id) {
        refuse!(RLX_STATUS_FAILED_PRECONDITION, 0, "execute: the param set is not sealed, or not prepared for this executable");
    }
    Ok(())
}
unsafe fn address(e: &rlx_executable, context: &rlx_context, set: *const rlx_param_set, t: &Tensor) -> *mut u8 {
    let root = match t.storage {
        RLX_LIR_STORAGE_INPUT => context.tensors[t.index as usize],
        RLX_LIR_STORAGE_OUTPUT => context.tensors[e.counts().0 + t.index as usize],
        RLX_LIR_STORAGE_PARAM => {
            let entry = e.image.record(RLX_LIR_PARAMS, t.index as u64).map_or(0, |param: rlx_lir_param| param.set_index);
            (*(&(*set).entries)[entry as usize]).data
        }
        RLX_LIR_STORAGE_CONSTANT => e.words.as_ptr() as *mut u8,
        _ => context.arena.wrapping_add(e.offsets[t.index as usize] as usize),
    };
    root.wrapping_offset(t.offset as isize)
}
unsafe extern "C" fn execute(context: *mut rlx_context, from: *const rlx_execute_in, _: *mut c_void, error: *mut rlx_error) -> i32 {
    slot(error, || {
        let own = read_in("execute", from, 56)?;
        some("execute", context)?;
        let context = &mut *context;
        let e = &*context.executable;
        bind(e, &mut context.tensors, &own)?;
        check_set(e, own.params)?;
        stopped("execute", own.call)?;
        for step in &e.steps {
            let operand = |k: usize| if k == 2 && step.opcode != RLX_OP_BINARY { null() } else { address(e, context, own.params, &step.tensors[k]) as *const u8 };
            ops::run(step, [operand(0) as *mut u8, operand(1) as *mut u8, operand(2) as *mut u8], || stopped("execute", own.call))?;
        }
        Ok(())
    })
}
pub static EXECUTE: rlx_execute_1 = rlx_execute_1 { context_create: Some(context_create), context_destroy: Some(context_destroy), execute: Some(execute) };
