// SPDX-License-Identifier: Apache-2.0
//! rlx.buffer/1 in plain memory, and rlx.params/1, whose sources are used where they lie.
use std::alloc::{alloc, dealloc, Layout};
use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::Mutex;

use crate::abi::*;
use crate::run::rlx_executable;
use crate::support::*;
use crate::{refuse, rlx_device};

pub fn host_bytes() -> u64 {
    extern "C" {
        fn sysconf(name: i32) -> i64;
    }
    unsafe { sysconf(85) as u64 * sysconf(30) as u64 } // _SC_PHYS_PAGES, _SC_PAGESIZE of Linux
}

pub struct rlx_buffer {
    pub device: *mut rlx_device,
    pub bytes: u64,
    pub data: *mut u8,
    layout: Layout,
}
impl Drop for rlx_buffer {
    fn drop(&mut self) {
        unsafe { dealloc(self.data, self.layout) }
    }
}
impl rlx_buffer {
    /// Where a range lies; nothing where it leaves the buffer.
    pub fn range(&self, offset: u64, bytes: u64) -> Option<*mut u8> {
        (offset <= self.bytes && bytes <= self.bytes - offset).then(|| unsafe { self.data.add(offset as usize) })
    }
}

unsafe extern "C" fn buffer_alloc(device: *mut rlx_device, from: *const rlx_alloc_in, out: *mut rlx_alloc_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        let own = read_in("alloc", from, 24)?;
        some("alloc", device)?;
        check_out("alloc", out, 24)?;
        let known = own.space <= RLX_SPACE_HOST_PINNED && own.usage == RLX_USAGE_ANY;
        if !known || (own.alignment != 0 && !own.alignment.is_power_of_two()) {
            refuse!(RLX_STATUS_INVALID_ARGUMENT, own.space, "alloc: space {}, usage {} or alignment {} is unknown", own.space, own.usage, own.alignment);
        }
        if own.bytes > host_bytes() {
            refuse!(RLX_STATUS_RESOURCE_EXHAUSTED, own.bytes, "alloc: {} bytes are more than the device has", own.bytes);
        }
        let layout = Layout::from_size_align(own.bytes.max(1) as usize, own.alignment.max(64) as usize);
        let data = layout.as_ref().map_or(null_mut(), |layout| alloc(*layout));
        let Ok(layout) = layout else { refuse!(RLX_STATUS_INVALID_ARGUMENT, own.alignment, "alloc: alignment {}", own.alignment) };
        if data.is_null() {
            refuse!(RLX_STATUS_OUT_OF_MEMORY, own.bytes, "alloc: out of memory");
        }
        let buffer = match boxed("alloc", rlx_buffer { device, bytes: own.bytes, data, layout }) {
            Ok(buffer) => buffer,
            Err(fault) => return Err(fault), // the value was dropped, and its memory with it
        };
        write_out(out, &rlx_alloc_out { struct_size: 24, reserved: 0, buffer, host: data as *mut c_void });
        Ok(())
    })
}
unsafe extern "C" fn buffer_free(buffer: *mut rlx_buffer) {
    unbox(buffer)
}
unsafe fn transfer(what: &str, buffer: *mut rlx_buffer, from: *const rlx_transfer_in) -> Outcome<(*mut u8, *mut u8, usize)> {
    let own = read_in(what, from, 40)?;
    let buffer = some(what, buffer)?;
    let Some(data) = buffer.range(own.offset, own.bytes) else {
        refuse!(RLX_STATUS_INVALID_ARGUMENT, own.offset, "{what}: {} bytes at {} of a buffer of {}", own.bytes, own.offset, buffer.bytes);
    };
    if own.host.is_null() && own.bytes != 0 {
        refuse!(RLX_STATUS_INVALID_ARGUMENT, 0, "{what}: host is null");
    }
    stopped(what, own.call)?;
    let host = if own.host.is_null() { data } else { own.host as *mut u8 };
    Ok((data, host, own.bytes as usize))
}
unsafe extern "C" fn buffer_write(buffer: *mut rlx_buffer, from: *const rlx_transfer_in, _: *mut c_void, error: *mut rlx_error) -> i32 {
    slot(error, || transfer("write", buffer, from).map(|(data, host, bytes)| std::ptr::copy(host, data, bytes)))
}
unsafe extern "C" fn buffer_read(buffer: *mut rlx_buffer, from: *const rlx_transfer_in, _: *mut c_void, error: *mut rlx_error) -> i32 {
    slot(error, || transfer("read", buffer, from).map(|(data, host, bytes)| std::ptr::copy(data, host, bytes)))
}
unsafe extern "C" fn buffer_copy(target: *mut rlx_buffer, from: *const rlx_copy_in, _: *mut c_void, error: *mut rlx_error) -> i32 {
    slot(error, || {
        let own = read_in("copy", from, 48)?;
        let (target, source) = (some("copy", target)?, some("copy", own.source)?);
        let (to, at) = (target.range(own.offset, own.bytes), source.range(own.source_offset, own.bytes));
        let (Some(to), Some(at), true) = (to, at, target.device == source.device) else {
            refuse!(RLX_STATUS_INVALID_ARGUMENT, own.offset, "copy: the range leaves a buffer, or they are of two devices");
        };
        stopped("copy", own.call)?;
        std::ptr::copy(at, to, own.bytes as usize);
        Ok(())
    })
}
pub static BUFFER: rlx_buffer_1 = rlx_buffer_1 {
    alloc: Some(buffer_alloc), free: Some(buffer_free), write: Some(buffer_write), read: Some(buffer_read), copy: Some(buffer_copy), import_host: None,
};

/// One put entry, shared by a set and those made over it; the last to let go drops it.
pub struct Source {
    users: AtomicU32,
    pub dtype: u32,
    pub rank: usize,
    pub dims: [i64; 8],
    pub bytes: u64,
    pub data: *mut u8,
    drop: Option<unsafe extern "C" fn(*mut c_void)>,
    user: *mut c_void,
}
unsafe fn let_go(source: *mut Source) {
    if !source.is_null() && (*source).users.fetch_sub(1, Ordering::AcqRel) == 1 {
        if let Some(drop) = (*source).drop {
            drop((*source).user);
        }
        unbox(source);
    }
}

pub struct rlx_param_set {
    pub device: *mut rlx_device,
    sealed: AtomicBool,
    pub entries: Vec<*mut Source>,
    put: Vec<bool>, // this set's own, not its base's
    prepared: Mutex<Vec<u64>>, // ids of executables
}
impl Drop for rlx_param_set {
    fn drop(&mut self) {
        self.entries.iter().for_each(|&source| unsafe { let_go(source) });
    }
}
impl rlx_param_set {
    pub fn is_ready_for(&self, executable: u64) -> bool {
        self.sealed.load(Ordering::Acquire) && self.prepared.lock().is_ok_and(|ids| ids.contains(&executable))
    }
}

unsafe extern "C" fn set_create(device: *mut rlx_device, from: *const rlx_params_create_in, out: *mut rlx_params_create_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        let own = read_in("params create", from, 16)?;
        some("params create", device)?;
        check_out("params create", out, 16)?;
        let count = own.count as usize;
        let mut entries = filled("params create", count, null_mut())?;
        let put = filled("params create", count, false)?;
        if let Some(base) = own.base.as_ref() {
            if base.device != device || base.entries.len() != count {
                refuse!(RLX_STATUS_INVALID_ARGUMENT, count, "params create: {count} entries, the base has {}, or is of another device", base.entries.len());
            }
            if !base.sealed.load(Ordering::Acquire) {
                refuse!(RLX_STATUS_FAILED_PRECONDITION, 0, "params create: the base is not sealed");
            }
            entries.copy_from_slice(&base.entries);
        }
        entries.iter().filter(|source| !source.is_null()).for_each(|&source| { (*source).users.fetch_add(1, Ordering::Relaxed); });
        let made = rlx_param_set { device, sealed: AtomicBool::new(false), entries, put, prepared: Mutex::new(Vec::new()) };
        let set = boxed("params create", made)?;
        write_out(out, &rlx_params_create_out { struct_size: 16, reserved: 0, set });
        Ok(())
    })
}
unsafe fn take(set: *mut rlx_param_set, own: &rlx_put_in) -> Outcome<()> {
    some("put", set)?;
    let set = &mut *set;
    let i = own.index as usize;
    if set.sealed.load(Ordering::Acquire) {
        refuse!(RLX_STATUS_FAILED_PRECONDITION, i, "put of entry {i}: the set is sealed");
    }
    if i >= set.entries.len() || set.put[i] {
        refuse!(RLX_STATUS_INVALID_ARGUMENT, i, "put of entry {i}: it was put before, or the set has only {}", set.entries.len());
    }
    let mut dims = [0i64; 8];
    if own.rank as usize <= 8 && !own.dims.is_null() {
        std::ptr::copy_nonoverlapping(own.dims, dims.as_mut_ptr(), own.rank as usize);
    }
    let shape_fits = own.rank <= 8 && (own.rank == 0 || !own.dims.is_null());
    let bytes = dims[..own.rank.min(8) as usize].iter().try_fold(dtype_bytes(own.dtype), |bytes, &dim| bytes.checked_mul(u64::try_from(dim).ok()?));
    if !shape_fits || dtype_bytes(own.dtype) == 0 || bytes != Some(own.bytes) {
        refuse!(RLX_STATUS_INVALID_ARGUMENT, i, "put of entry {i}: dtype {}, rank {} and its dims do not make {} bytes", own.dtype, own.rank, own.bytes);
    }
    let data = match own.buffer.as_ref() {
        Some(buffer) if buffer.device == set.device && own.host.is_null() => buffer.range(own.buffer_offset, own.bytes),
        Some(_) => None,
        None => (!own.host.is_null() || own.bytes == 0).then_some(own.host as *mut u8),
    };
    let Some(data) = data else { refuse!(RLX_STATUS_INVALID_ARGUMENT, i, "put of entry {i}: no source, two, or past the end of the buffer") };
    let made = Source { users: AtomicU32::new(1), dtype: own.dtype, rank: own.rank as usize, dims, bytes: own.bytes, data, drop: own.drop, user: own.drop_user };
    let source = boxed("put", made)?;
    let_go(std::mem::replace(&mut set.entries[i], source));
    set.put[i] = true;
    Ok(())
}
unsafe extern "C" fn set_put(set: *mut rlx_param_set, from: *const rlx_put_in, _: *mut c_void, error: *mut rlx_error) -> i32 {
    let mut known = None; // drop is ours to call as soon as it can be read
    let status = slot(error, || {
        let own = read_in("put", from, 88);
        known = match &own {
            Ok(own) => Some(*own),
            Err(fault) if fault.status == RLX_STATUS_UNKNOWN_FIELD => Some(from.read_unaligned()),
            Err(_) => None,
        };
        take(set, &own?)
    });
    if status != RLX_STATUS_OK {
        if let Some((drop, user)) = known.and_then(|own| Some((own.drop?, own.drop_user))) {
            drop(user);
        }
    }
    status
}
unsafe extern "C" fn set_seal(set: *mut rlx_param_set, from: *const c_void, _: *mut c_void, error: *mut rlx_error) -> i32 {
    slot(error, || {
        read_none("seal", from)?;
        some("seal", set)?.sealed.store(true, Ordering::Release);
        Ok(())
    })
}
unsafe extern "C" fn set_prepare(set: *mut rlx_param_set, from: *const rlx_prepare_in, out: *mut rlx_prepare_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        let own = read_in("prepare", from, 32)?;
        let (set, executable) = (some("prepare", set)?, some("prepare", own.executable)?);
        if !out.is_null() {
            check_out("prepare", out, 8)?;
        }
        if set.device != executable.device {
            refuse!(RLX_STATUS_INVALID_ARGUMENT, 0, "prepare: the executable is of another device");
        }
        if !set.sealed.load(Ordering::Acquire) {
            refuse!(RLX_STATUS_FAILED_PRECONDITION, 0, "prepare: the set is not sealed");
        }
        stopped("prepare", own.call)?;
        let (mut missing, mut wrong) = (0u32, None);
        for (entry, tensor) in executable.params() {
            match set.entries.get(entry as usize).and_then(|source| source.as_ref()) {
                Some(source) if source.dtype != tensor.dtype || source.rank != tensor.rank || source.dims != tensor.dims => wrong = Some(entry),
                Some(_) => {}
                None => {
                    if missing < own.missing_capacity && !own.missing.is_null() {
                        *own.missing.add(missing as usize) = entry;
                    }
                    missing += 1;
                }
            }
        }
        if !out.is_null() {
            write_out(out, &rlx_prepare_out { struct_size: 8, missing_count: missing });
        }
        if missing != 0 {
            refuse!(RLX_STATUS_NOT_FOUND, missing, "prepare: {missing} entries are missing");
        }
        if let Some(entry) = wrong {
            refuse!(RLX_STATUS_INVALID_ARGUMENT, entry, "prepare: entry {entry} has not the dtype and dims of the image");
        }
        let Ok(mut ids) = set.prepared.lock() else { refuse!(RLX_STATUS_INTERNAL, 0, "prepare: a panic came before") };
        if !ids.contains(&executable.id) {
            if ids.try_reserve(1).is_err() {
                refuse!(RLX_STATUS_OUT_OF_MEMORY, 0, "prepare: out of memory");
            }
            ids.push(executable.id);
        }
        Ok(())
    })
}
unsafe extern "C" fn set_release(set: *mut rlx_param_set, executable: *mut rlx_executable) {
    if let (Some(set), Some(executable)) = (set.as_ref(), executable.as_ref()) {
        if let Ok(mut ids) = set.prepared.lock() {
            ids.retain(|&id| id != executable.id);
        }
    }
}
unsafe extern "C" fn set_destroy(set: *mut rlx_param_set) {
    unbox(set)
}
unsafe extern "C" fn set_usage(set: *mut rlx_param_set, from: *const c_void, out: *mut rlx_usage_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        read_none("usage", from)?;
        let set = some("usage", set)?;
        check_out("usage", out, 32)?;
        let held = || set.entries.iter().filter_map(|source| source.as_ref());
        let source_bytes = held().map(|source| source.bytes).sum();
        let shared_bytes = held().filter(|source| source.users.load(Ordering::Relaxed) > 1).map(|source| source.bytes).sum();
        write_out(out, &rlx_usage_out { struct_size: 32, pack_count: 0, source_bytes, packed_bytes: 0, shared_bytes });
        Ok(())
    })
}
pub static PARAMS: rlx_params_1 = rlx_params_1 {
    create: Some(set_create), put: Some(set_put), seal: Some(set_seal), prepare: Some(set_prepare), release: Some(set_release),
    destroy: Some(set_destroy), usage: Some(set_usage),
};

/// Where the bytes of a view lie; null where they leave the buffer, or it is of another device.
pub unsafe fn memory_of(device: *mut rlx_device, view: &rlx_view) -> *const u8 {
    match (view.host.is_null(), view.buffer.as_ref()) {
        (true, Some(buffer)) if buffer.device == device => buffer.range(view.offset, view.bytes).map_or(null(), |at| at as *const u8),
        (true, _) => null(),
        (false, _) => view.host as *const u8,
    }
}
