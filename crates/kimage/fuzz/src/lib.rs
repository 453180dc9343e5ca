// SPDX-License-Identifier: GPL-2.0-only
//! What every fuzz target is made of.
#![forbid(unsafe_code)]

use std::path::Path;
use std::{env, fs};

pub use libfuzzer_sys;
use nmissed_kimage::fuzz::{Target, target};

/// Names the folder that a program writes its seeds to before it starts.
pub const SEEDS: &str = "NMISSED_SEEDS";

/// A program that fuzzes the target of a name.
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        $crate::libfuzzer_sys::fuzz_target!(init: $crate::plant($name), |data: &[u8]| {
            $crate::run($name, data);
        });
    };
}

/// Writes the seeds of a target, if it is known where to.
pub fn plant(name: &str) {
    if let Some(dir) = env::var_os(SEEDS) {
        for (index, seed) in (of(name).seeds)().iter().enumerate() {
            let file = Path::new(&dir).join(format!("seed-{index}"));
            fs::write(file, seed).expect("the folder for seeds can be written to");
        }
    }
}

/// Runs a target once.
pub fn run(name: &str, data: &[u8]) {
    let _ = (of(name).run)(data);
}

fn of(name: &str) -> &'static Target {
    target(name).expect("kimage has a target of this name")
}
