// SPDX-License-Identifier: Apache-2.0
//! A backend in Rust with the standard library alone: the contract comes from the registry (make_abi.py), not from C. Every
//! required slot and three ops, in host memory, on the caller's thread.
#![allow(non_camel_case_types, clippy::missing_safety_doc)]
#[allow(dead_code, non_upper_case_globals)]
mod abi {
    include!(env!("RLX_ABI_RS"));
}
mod memory;
mod ops;
mod run;
mod support;

use std::ffi::c_void;

use abi::*;
use support::*;

pub struct rlx_plugin {
    _unused: u64,
}
pub struct rlx_device {
    _plugin: *mut rlx_plugin,
}
pub use memory::{rlx_buffer, rlx_param_set};
pub use run::{rlx_context, rlx_executable};

const fn text<const N: usize>(from: &str) -> [u8; N] {
    let mut out = [0; N];
    let mut i = 0;
    while i < from.len() {
        out[i] = from.as_bytes()[i];
        i += 1;
    }
    out
}

/// The descriptor that is read without running code: an ELF note, so no symbol needs to be exported for it.
#[link_section = ".note.rlx"]
#[used]
static NOTE: rlx_descriptor_note = rlx_descriptor_note {
    name_size: 4,
    desc_size: RLX_DESCRIPTOR_BYTES,
    r#type: RLX_NOTE_TYPE,
    name: text("RLX"),
    descriptor: rlx_descriptor {
        magic: text("RLXPLUG"),
        size: RLX_DESCRIPTOR_BYTES,
        descriptor_version: RLX_DESCRIPTOR_VERSION,
        abi_epoch: RLX_ABI_EPOCH,
        abi_major: RLX_ABI_MAJOR,
        abi_minor_min: 1,
        abi_minor_max: 1,
        lir_version_min: 1,
        lir_version_max: 1,
        priority: 0,
        flags: 0,
        sanitizer: RLX_SANITIZER_NONE,
        kind_count: 1,
        cpu_features: [0, 0],
        id: text("org.example.rusty"),
        name: text("Rusty"),
        vendor: text("Example"),
        version: text("0.1.0"),
        kinds: [text("rusty"), [0; 16], [0; 16], [0; 16], [0; 16], [0; 16], [0; 16], [0; 16]],
        sonames: [[0; 64]; 4],
        reserved: [0; 96],
    },
};

pub unsafe fn no_options(what: &str, options: *const rlx_option, count: u32, stride: u32) -> Outcome<()> {
    if count == 0 {
        return Ok(());
    }
    if options.is_null() || stride < 32 {
        refuse!(RLX_STATUS_INVALID_ARGUMENT, count, "{what}: {count} options, but no list of them");
    }
    let key = (*options).key;
    let bytes = if key.data.is_null() { &[][..] } else { std::slice::from_raw_parts(key.data, key.size as usize) };
    refuse!(RLX_STATUS_INVALID_ARGUMENT, 0, "{what}: unknown option {}", std::str::from_utf8(bytes).unwrap_or("(no UTF-8)"));
}

unsafe extern "C" fn open(from: *const rlx_open_in, out: *mut rlx_open_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        let own = read_in("open", from, 32)?;
        check_out("open", out, 16)?;
        no_options("open", own.options, own.option_count, own.option_stride)?;
        let plugin = boxed("open", rlx_plugin { _unused: 0 })?;
        write_out(out, &rlx_open_out { struct_size: 16, reserved: 0, plugin });
        Ok(())
    })
}
unsafe extern "C" fn close(plugin: *mut rlx_plugin) {
    unbox(plugin)
}
unsafe extern "C" fn device_count(plugin: *mut rlx_plugin, from: *const c_void, out: *mut rlx_device_count_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        read_none("device_count", from)?;
        some("device_count", plugin)?;
        check_out("device_count", out, 520)?;
        write_out(out, &rlx_device_count_out { struct_size: 520, count: 1, reason: [0; 512] });
        Ok(())
    })
}
unsafe extern "C" fn device_info(plugin: *mut rlx_plugin, from: *const rlx_device_info_in, out: *mut rlx_device_info_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        let own = read_in("device_info", from, 8)?;
        some("device_info", plugin)?;
        check_out("device_info", out, 240)?;
        if own.ordinal != 0 {
            refuse!(RLX_STATUS_NOT_FOUND, own.ordinal, "device_info: no device {}, there is 1", own.ordinal);
        }
        write_out(out, &rlx_device_info_out {
            struct_size: 240,
            flags: RLX_DEVICE_FLAG_HOST_MEMORY | RLX_DEVICE_FLAG_FORK_SAFE,
            kind: text("rusty"),
            name: text("one thread, f32"),
            persistent_id: text("rusty:0"),
            memory_bytes: memory::host_bytes(),
            max_alloc_bytes: memory::host_bytes(),
            min_alignment: 64,
            max_parallel_compiles: 0,
        });
        Ok(())
    })
}
unsafe extern "C" fn device_open(plugin: *mut rlx_plugin, from: *const rlx_device_open_in, out: *mut rlx_device_open_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        let own = read_in("device open", from, 24)?;
        some("device open", plugin)?;
        check_out("device open", out, 16)?;
        no_options("device open", own.options, own.option_count, own.option_stride)?;
        if own.ordinal != 0 {
            refuse!(RLX_STATUS_NOT_FOUND, own.ordinal, "device open: no device {}, there is 1", own.ordinal);
        }
        let device = boxed("device open", rlx_device { _plugin: plugin })?;
        write_out(out, &rlx_device_open_out { struct_size: 16, reserved: 0, device });
        Ok(())
    })
}
unsafe extern "C" fn device_close(device: *mut rlx_device) {
    unbox(device)
}
unsafe extern "C" fn fingerprint(device: *mut rlx_device, from: *const c_void, out: *mut rlx_fingerprint_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        read_none("fingerprint", from)?;
        some("fingerprint", device)?;
        check_out("fingerprint", out, 152)?;
        write_out(out, &rlx_fingerprint_out { struct_size: 152, reserved: 0, text: text("rusty 0.1.0"), hash: rlx_hash128 { low: 1, high: 0 } });
        Ok(())
    })
}

static PLUGIN: rlx_plugin_1 =
    rlx_plugin_1 { open: Some(open), close: Some(close), device_count: Some(device_count), device_info: Some(device_info), describe_options: None };
static DEVICE: rlx_device_1 = rlx_device_1 { open: Some(device_open), close: Some(device_close), memory_stats: None, fingerprint: Some(fingerprint) };

unsafe extern "C" fn get_interface(id: rlx_str) -> *const c_void {
    if id.data.is_null() {
        return std::ptr::null();
    }
    match std::slice::from_raw_parts(id.data, id.size as usize) {
        b"rlx.plugin/1" => &PLUGIN as *const _ as *const c_void,
        b"rlx.device/1" => &DEVICE as *const _ as *const c_void,
        b"rlx.buffer/1" => &memory::BUFFER as *const _ as *const c_void,
        b"rlx.params/1" => &memory::PARAMS as *const _ as *const c_void,
        b"rlx.compile/1" => &run::COMPILE as *const _ as *const c_void,
        b"rlx.execute/1" => &run::EXECUTE as *const _ as *const c_void,
        _ => std::ptr::null(),
    }
}

#[no_mangle]
pub unsafe extern "C" fn rlx_plugin_query(from: *const rlx_query_in, out: *mut rlx_query_out, error: *mut rlx_error) -> i32 {
    slot(error, || {
        some("rlx_plugin_query", from)?;
        let host = read_in("rlx_plugin_query", from, 64)?;
        check_out("rlx_plugin_query", out, 32)?;
        let own = &NOTE.descriptor;
        let minor = host.abi_minor_max.min(own.abi_minor_max);
        let lir = host.lir_version_max.min(own.lir_version_max);
        if host.abi_epoch != own.abi_epoch || host.abi_major != own.abi_major || minor < host.abi_minor_min.max(own.abi_minor_min)
            || lir < host.lir_version_min.max(own.lir_version_min) {
            refuse!(RLX_STATUS_VERSION, 0, "host: ABI epoch {}, major {}, minors {} to {}, LIR {} to {}; org.example.rusty: ABI epoch {}, major {}, minors 1 to 1, LIR 1 to 1",
                host.abi_epoch, host.abi_major, host.abi_minor_min, host.abi_minor_max, host.lir_version_min, host.lir_version_max,
                own.abi_epoch, own.abi_major);
        }
        write_out(out, &rlx_query_out { struct_size: 32, abi_minor: minor, lir_version: lir, reserved: 0, descriptor: own, get_interface: Some(get_interface) });
        Ok(())
    })
}
