// SPDX-License-Identifier: Apache-2.0
//! The border in Rust: faults with messages in fixed memory, growing structs, memory that may be exhausted, the image.
use std::fmt::{self, Write};
use std::mem::{size_of, MaybeUninit};
use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::abi::*;

/// What went wrong. The message lies in place, because a failed allocation must be able to say so.
pub struct Fault {
    pub status: i32,
    pub op: u32,
    pub detail: u64,
    pub text: Text,
}
pub type Outcome<T> = Result<T, Fault>;

pub struct Text {
    bytes: [u8; 512],
    size: usize,
}
impl Write for Text {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for c in part.chars() {
            if self.size + c.len_utf8() > 511 {
                break;
            }
            self.size += c.encode_utf8(&mut self.bytes[self.size..511]).len();
        }
        Ok(())
    }
}

pub fn fault<T>(status: i32, detail: u64, text: fmt::Arguments) -> Outcome<T> {
    let mut made = Fault { status, op: RLX_NO_INDEX, detail, text: Text { bytes: [0; 512], size: 0 } };
    let _ = made.text.write_fmt(text);
    Err(made)
}
#[macro_export]
macro_rules! refuse {
    ($status:ident, $detail:expr, $($text:tt)*) => {
        return $crate::support::fault($crate::abi::$status, $detail as u64, format_args!($($text)*))
    };
}

/// Runs a slot: what it refuses fills the caller's record; a panic does not cross the border.
pub unsafe fn slot(error: *mut rlx_error, body: impl FnOnce() -> Outcome<()>) -> i32 {
    let fault = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return RLX_STATUS_OK,
        Ok(Err(fault)) => fault,
        Err(_) => Fault { status: RLX_STATUS_INTERNAL, op: RLX_NO_INDEX, detail: 0, text: Text { bytes: [0; 512], size: 0 } },
    };
    if !error.is_null() {
        let mut own: rlx_error = zeroed();
        own.struct_size = size_of::<rlx_error>() as u32;
        own.status = fault.status;
        own.op_index = fault.op;
        own.detail = fault.detail;
        own.retryable = matches!(fault.status, RLX_STATUS_OUT_OF_MEMORY | RLX_STATUS_RESOURCE_EXHAUSTED | RLX_STATUS_CANCELLED | RLX_STATUS_DEADLINE) as u32;
        own.message = fault.text.bytes;
        if check_out("error", error, 40).is_ok() {
            write_out(error, &own);
        }
    }
    fault.status
}

/// All structs of the contract may be all zero.
pub unsafe fn zeroed<T>() -> T {
    MaybeUninit::<T>::zeroed().assume_init()
}

/// An in-struct by the rules of growth. `first` is its size in ABI minor 1, from the registry.
pub unsafe fn read_in<T: Copy>(what: &str, from: *const T, first: u32) -> Outcome<T> {
    let mut own: T = zeroed();
    if from.is_null() {
        return Ok(own);
    }
    let size = (from as *const u32).read_unaligned();
    if size < first || size > RLX_STRUCT_BYTES_MAX {
        refuse!(RLX_STATUS_INVALID_ARGUMENT, size, "{what}: in.struct_size is {size}, wanted {first} to {RLX_STRUCT_BYTES_MAX}");
    }
    for at in size_of::<T>()..size as usize {
        if *(from as *const u8).add(at) != 0 {
            refuse!(RLX_STATUS_UNKNOWN_FIELD, at, "{what}: byte {at} of in is set, but not known here");
        }
    }
    std::ptr::copy_nonoverlapping(from as *const u8, &mut own as *mut T as *mut u8, size_of::<T>().min(size as usize));
    Ok(own)
}

/// Slots that have no in-struct yet take only zeros.
pub unsafe fn read_none(what: &str, from: *const std::ffi::c_void) -> Outcome<()> {
    read_in(what, from as *const u32, 4).map(|_| ())
}

pub unsafe fn check_out<T>(what: &str, out: *const T, first: u32) -> Outcome<()> {
    let size = if out.is_null() { 0 } else { (out as *const u32).read_unaligned() };
    if size < first || size > RLX_STRUCT_BYTES_MAX {
        refuse!(RLX_STATUS_INVALID_ARGUMENT, size, "{what}: out is null or its struct_size is {size}, wanted {first} at least");
    }
    Ok(())
}

/// Writes min(caller's, own) bytes and stores that number. After check_out.
pub unsafe fn write_out<T>(out: *mut T, own: &T) {
    let size = ((out as *const u32).read_unaligned() as usize).min(size_of::<T>());
    std::ptr::copy_nonoverlapping((own as *const T as *const u8).add(4), (out as *mut u8).add(4), size - 4);
    (out as *mut u32).write_unaligned(size as u32);
}

pub fn some<'a, T>(what: &str, object: *const T) -> Outcome<&'a T> {
    match unsafe { object.as_ref() } {
        Some(object) => Ok(object),
        None => fault(RLX_STATUS_INVALID_ARGUMENT, 0, format_args!("{what}: a required object is null")),
    }
}

/// A box that says so where memory is exhausted, instead of ending the process.
pub fn boxed<T>(what: &str, value: T) -> Outcome<*mut T> {
    let mut room: Vec<T> = Vec::new();
    if room.try_reserve_exact(1).is_err() {
        refuse!(RLX_STATUS_OUT_OF_MEMORY, size_of::<T>(), "{what}: out of memory");
    }
    room.push(value);
    Ok(Box::into_raw(room.into_boxed_slice()) as *mut T)
}
pub unsafe fn unbox<T>(object: *mut T) {
    if !object.is_null() {
        drop(Box::from_raw(object));
    }
}
pub fn filled<T: Clone>(what: &str, count: usize, value: T) -> Outcome<Vec<T>> {
    let mut room = Vec::new();
    if room.try_reserve_exact(count).is_err() {
        refuse!(RLX_STATUS_OUT_OF_MEMORY, count, "{what}: out of memory");
    }
    room.resize(count, value);
    Ok(room)
}

/// The caller of a long call may want it to end.
pub unsafe fn stopped(what: &str, call: *const rlx_call) -> Outcome<()> {
    let own = read_in(what, call, 40)?;
    if own.poll.is_some_and(|poll| poll(own.user, -1) != 0) {
        refuse!(RLX_STATUS_CANCELLED, 0, "{what}: stopped by the caller");
    }
    if own.deadline_ns != 0 && monotonic_ns() >= own.deadline_ns {
        refuse!(RLX_STATUS_DEADLINE, 0, "{what}: past its deadline");
    }
    Ok(())
}
fn monotonic_ns() -> u64 {
    extern "C" {
        fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
    }
    let mut time = [0i64; 2];
    unsafe { clock_gettime(1, &mut time) };
    time[0] as u64 * 1_000_000_000 + time[1] as u64
}

pub fn dtype_bytes(dtype: u32) -> u64 {
    match dtype {
        RLX_DTYPE_BOOL | RLX_DTYPE_I8 | RLX_DTYPE_U8 => 1,
        RLX_DTYPE_I16 | RLX_DTYPE_U16 | RLX_DTYPE_F16 | RLX_DTYPE_BF16 => 2,
        RLX_DTYPE_I32 | RLX_DTYPE_U32 | RLX_DTYPE_F32 => 4,
        RLX_DTYPE_I64 | RLX_DTYPE_U64 | RLX_DTYPE_F64 => 8,
        _ => 0,
    }
}

/// An LIR image. Every access is checked, so nothing leads outside it.
pub struct Image<'a> {
    bytes: &'a [u8],
    sections: [(usize, u64, usize); 17], // offset, count, stride by kind
}
impl<'a> Image<'a> {
    pub unsafe fn open(what: &str, data: *const std::ffi::c_void, size: u64) -> Outcome<Image<'a>> {
        if data.is_null() || size < size_of::<rlx_lir_header>() as u64 || data as usize % 8 != 0 {
            refuse!(RLX_STATUS_INVALID_IMAGE, 0, "{what}: no image, or one that is not aligned to 8 bytes");
        }
        let mut image = Image { bytes: std::slice::from_raw_parts(data as *const u8, size as usize), sections: [(0, 0, 0); 17] };
        let header: rlx_lir_header = image.at(0).unwrap_or_else(|| zeroed());
        if header.magic != RLX_LIR_MAGIC {
            refuse!(RLX_STATUS_INVALID_IMAGE, 0, "{what}: this is no LIR image");
        }
        if header.version != 1 {
            refuse!(RLX_STATUS_VERSION, header.version, "{what}: the image has version {}, wanted 1", header.version);
        }
        if header.total_bytes != size || (header.header_bytes as usize) < size_of::<rlx_lir_header>() || header.section_stride < 32 {
            refuse!(RLX_STATUS_INVALID_IMAGE, 16, "{what}: the image says {} bytes, there are {size}", header.total_bytes);
        }
        const LEAST: [u32; 17] = [0, 1, 40, 56, 24, 4, 8, 24, 1, 32, 16, 16, 16, 16, 16, 16, 4];
        for i in 0..header.section_count as u64 {
            let place = (header.section_stride as u64 * i).checked_add(header.section_offset).unwrap_or(u64::MAX);
            let Some(section) = image.at::<rlx_lir_section>(place) else {
                refuse!(RLX_STATUS_INVALID_IMAGE, place, "{what}: the directory leaves the image");
            };
            let kind = section.kind as usize;
            if kind == 0 || kind >= LEAST.len() {
                if section.flags & RLX_LIR_SECTION_REQUIRED != 0 {
                    refuse!(RLX_STATUS_UNSUPPORTED, kind, "{what}: section kind {kind} is required, but not known here");
                }
                continue;
            }
            let exact = LEAST[kind] == 1 || kind == RLX_LIR_U32 as usize || kind == RLX_LIR_I64 as usize;
            let end = section.count.checked_mul(section.stride as u64).and_then(|bytes| bytes.checked_add(section.offset));
            if section.stride < LEAST[kind] || (exact && section.stride != LEAST[kind]) || end.is_none() || end > Some(size)
                || section.offset % 8 != 0 || section.count >= RLX_NO_INDEX as u64 || image.sections[kind].2 != 0 {
                refuse!(RLX_STATUS_INVALID_IMAGE, place, "{what}: section {kind} leaves the image, or comes twice");
            }
            image.sections[kind] = (section.offset as usize, section.count, section.stride as usize);
        }
        Ok(image)
    }
    fn at<T: Copy>(&self, place: u64) -> Option<T> {
        let end = place.checked_add(size_of::<T>() as u64)?;
        let bytes = self.bytes.get(place as usize..end as usize)?;
        Some(unsafe { (bytes.as_ptr() as *const T).read_unaligned() })
    }
    pub fn count(&self, kind: u32) -> u64 {
        self.sections[kind as usize].1
    }
    pub fn record<T: Copy>(&self, kind: u32, index: u64) -> Option<T> {
        let (offset, count, stride) = self.sections[kind as usize];
        if index >= count { None } else { self.at(offset as u64 + index * stride as u64) }
    }
    /// Where `bytes` of the constants begin in the image.
    pub fn constant(&self, offset: u64, bytes: u64) -> Option<u64> {
        let (begin, count, _) = self.sections[RLX_LIR_CONSTANTS as usize];
        (offset.checked_add(bytes)? <= count).then_some(begin as u64 + offset)
    }
    pub fn name(&self, name: rlx_lir_string) -> &'a str {
        let (begin, count, _) = self.sections[RLX_LIR_STRINGS as usize];
        let (from, size) = (name.offset as usize, name.bytes as usize);
        if from as u64 + size as u64 > count {
            return "";
        }
        std::str::from_utf8(&self.bytes[begin + from..begin + from + size]).unwrap_or("")
    }
}
