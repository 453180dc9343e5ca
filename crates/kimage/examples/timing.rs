// SPDX-License-Identifier: GPL-2.0-only
//! Measures the processor time of each step on an image.
//!
//!     cargo run --release -p nmissed-kimage --example timing -- vmlinux...
#![expect(clippy::print_stdout, reason = "a program that prints times")]

use std::time::Duration;

use nmissed_kimage::{Image, Mapped, unwrap};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        println!("{path}");
        time(&Mapped::open(path.as_ref())?)?;
    }
    Ok(())
}

fn time(file: &Mapped) -> nmissed_kimage::Result<()> {
    let unwrapped = step("unwrap", || unwrap(file))?;
    let image = step("parse", || Image::parse(&unwrapped.elf))?.mapped(file);
    let functions = step("functions", || image.functions());
    step("answers and directories", || {
        image.summary(&functions, false)
    });
    step("answers and sites", || image.summary(&functions, true));
    Ok(())
}

fn step<T>(name: &str, act: impl FnOnce() -> T) -> T {
    let start = cpu();
    let result = act();
    println!("  {:>8.1?} {name}", cpu() - start);
    result
}

/// Processor time of this process, in nanoseconds since its start.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = stat.split(' ').next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}
