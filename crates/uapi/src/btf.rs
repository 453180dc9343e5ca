// SPDX-License-Identifier: GPL-2.0-only
//! The functions in the kernel's BTF.

use std::collections::HashMap;
use std::ffi::CStr;
use std::io;
use std::ptr::NonNull;

use libbpf_sys::{
    BTF_KIND_FUNC, btf, btf__free, btf__load_vmlinux_btf, btf__name_by_offset, btf__type_by_id,
    btf__type_cnt,
};

/// The numbers of the functions in `/sys/kernel/btf/vmlinux`.
#[derive(Debug)]
pub struct KernelTypes(HashMap<Vec<u8>, u32>);

impl KernelTypes {
    /// Reads them by libbpf.
    ///
    /// # Errors
    /// `ENOENT` from a kernel without BTF.
    pub fn read() -> io::Result<Self> {
        // SAFETY: it has no parameters.
        let loaded = unsafe { btf__load_vmlinux_btf() };
        let types = NonNull::new(loaded).ok_or_else(io::Error::last_os_error)?;
        let functions = first_functions(types);
        // SAFETY: it was loaded above, and nothing points to it any more.
        unsafe { btf__free(types.as_ptr()) };
        Ok(Self(functions))
    }

    /// Returns the number that `btf__find_by_name_kind()` has for a function: that of the
    /// first of its name.
    ///
    /// # Errors
    /// `ENOENT` if none has this name.
    pub fn function(&self, name: &str) -> io::Result<u32> {
        let number = self.0.get(name.as_bytes()).copied();
        number.ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))
    }
}

fn first_functions(types: NonNull<btf>) -> HashMap<Vec<u8>, u32> {
    let mut functions = HashMap::new();
    // SAFETY: the types live until the caller frees them.
    let count = unsafe { btf__type_cnt(types.as_ptr()) };
    for number in 1..count {
        if let Some(name) = function_name(types, number) {
            functions.entry(name.to_bytes().to_vec()).or_insert(number);
        }
    }
    functions
}

/// Returns the name of a type, if it is a function.
fn function_name<'a>(types: NonNull<btf>, number: u32) -> Option<&'a CStr> {
    // SAFETY: the type is null or lives as long as the types.
    let it = unsafe { btf__type_by_id(types.as_ptr(), number).as_ref() }?;
    if it.info >> 24 & 0x1f != BTF_KIND_FUNC {
        return None;
    }
    // SAFETY: the name is null or a string that lives as long as the types.
    unsafe {
        let name = btf__name_by_offset(types.as_ptr(), it.name_off);
        NonNull::new(name.cast_mut()).map(|name| CStr::from_ptr(name.as_ptr()))
    }
}

#[cfg(test)]
mod tests {
    use libbpf_sys::{
        BTF_FUNC_STATIC, BTF_KIND_FUNC, btf__add_func, btf__add_func_proto, btf__add_int,
        btf__find_by_name_kind, btf__new_empty,
    };

    use super::*;

    #[test]
    fn the_first_of_a_name_is_the_one_that_libbpf_finds() {
        // SAFETY: the names are strings, and the types are freed at the end.
        unsafe {
            let types = NonNull::new(btf__new_empty()).unwrap();
            let raw = types.as_ptr();
            let int = btf__add_int(raw, c"same".as_ptr(), 4, 0);
            let prototype = btf__add_func_proto(raw, int);
            for name in [c"same", c"other", c"same"] {
                assert!(btf__add_func(raw, name.as_ptr(), BTF_FUNC_STATIC, prototype) > 0);
            }
            let functions = first_functions(types);
            for (name, number) in [(c"same", 3), (c"other", 4)] {
                let found = btf__find_by_name_kind(raw, name.as_ptr(), BTF_KIND_FUNC);
                assert_eq!((found, functions[name.to_bytes()]), (number, number as u32));
            }
            assert_eq!(functions.len(), 2);
            btf__free(raw);
        }
    }
}
