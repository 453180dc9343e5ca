// SPDX-License-Identifier: GPL-2.0-only
//! The skeletons of `bpf/*.bpf.c`, one module each, which build.rs lists.

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use libbpf_rs::OpenObject;
use libbpf_rs::skel::{OpenSkel, SkelBuilder};

include!(concat!(env!("OUT_DIR"), "/skeletons.rs"));

/// A loaded skeleton.
type Loaded<'obj, B> = <<B as SkelBuilder<'obj>>::Output as OpenSkel<'obj>>::Output;

/// Opens and loads an object; `storage` outlives the skeleton.
///
/// # Errors
/// If the kernel refuses one of its programs or maps.
pub fn load<'obj, B: SkelBuilder<'obj>>(
    builder: B,
    storage: &'obj mut MaybeUninit<OpenObject>,
) -> Result<Loaded<'obj, B>> {
    load_with(builder, storage, |_| Ok(()))
}

/// As [`load`], without the programs named: the kernel may be too old for them.
///
/// # Errors
/// As [`load`].
pub fn load_without<'obj, B: SkelBuilder<'obj>>(
    builder: B,
    storage: &'obj mut MaybeUninit<OpenObject>,
    names: &[&str],
) -> Result<Loaded<'obj, B>> {
    load_with(builder, storage, |open| {
        set_autoload(open, names, false);
        Ok(())
    })
}

/// As [`load`], with no other programs than those named: each takes time to load.
///
/// # Errors
/// As [`load`].
pub fn load_only<'obj, B: SkelBuilder<'obj>>(
    builder: B,
    storage: &'obj mut MaybeUninit<OpenObject>,
    names: &[&str],
) -> Result<Loaded<'obj, B>> {
    load_with(builder, storage, |open| {
        keep_only(open, names);
        Ok(())
    })
}

/// As [`load`]; `prepare` changes the object before it is loaded.
///
/// # Errors
/// As [`load`] and `prepare`.
pub fn load_with<'obj, B: SkelBuilder<'obj>>(
    builder: B,
    storage: &'obj mut MaybeUninit<OpenObject>,
    prepare: impl FnOnce(&mut B::Output) -> Result<()>,
) -> Result<Loaded<'obj, B>> {
    let mut open = builder.open(storage).context("opening the BPF object")?;
    prepare(&mut open)?;
    open.load().context("loading the BPF object")
}

/// Has no other programs loaded than those named.
///
/// # Panics
/// If there is no program of such a name.
pub fn keep_only<'obj>(open: &mut impl OpenSkel<'obj>, names: &[&str]) {
    for mut program in open.open_object_mut().progs_mut() {
        program.set_autoload(false);
    }
    set_autoload(open, names, true);
}

fn set_autoload<'obj>(open: &mut impl OpenSkel<'obj>, names: &[&str], load: bool) {
    let mut found = 0;
    for mut program in open.open_object_mut().progs_mut() {
        if names.iter().any(|name| program.name() == *name) {
            program.set_autoload(load);
            found += 1;
        }
    }
    assert_eq!(found, names.len(), "not all of {names:?} are programs");
}

/// Returns the variables of a loaded skeleton (`.bss`).
///
/// # Errors
/// Returns from the calling function if it has none.
#[macro_export]
macro_rules! variables {
    ($skel:expr) => {
        $crate::skel::present($skel.maps.bss_data.as_deref())?
    };
}

/// Returns what [`variables`] found.
///
/// # Errors
/// If that is nothing.
pub fn present<T>(variables: Option<T>) -> Result<T> {
    variables.context("the object has no .bss")
}
