// SPDX-License-Identifier: GPL-2.0-only
//! Counts the verdicts on every function of an image.
//!
//!     cargo run --release -p nmissed-kimage --example summary -- vmlinux...
//!     cargo run ... -- --sites vmlinux       (every instruction, too)
//!     cargo run ... -- --why NAME vmlinux
#![expect(clippy::print_stdout, reason = "that is what it is for")]

use std::time::Duration;

use nmissed_kimage::{Answer, Attach, Flavor, Image, unwrap};
use rustc_hash::FxHashMap;

type Counts = FxHashMap<Answer, usize>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut sites, mut why) = (false, None);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--sites" => sites = true,
            "--why" => why = args.next(),
            path => {
                let file = std::fs::read(path)?;
                println!("{path}");
                match &why {
                    Some(name) => explain(&file, name)?,
                    None => summarize(&file, sites)?,
                }
            }
        }
    }
    Ok(())
}

fn summarize(file: &[u8], sites: bool) -> nmissed_kimage::Result<()> {
    let start = cpu();
    let unwrapped = unwrap(file)?;
    println!("  {:>8.1?} unwrap {:?}", cpu() - start, unwrapped.layers);
    let start = cpu();
    let image = Image::parse(&unwrapped.elf)?;
    println!(
        "  {:>8.1?} parse: {} symbols",
        cpu() - start,
        image.symbols().len()
    );
    let start = cpu();
    let functions = image.functions();
    println!("  {:>8.1?} functions: {}", cpu() - start, functions.len());
    println!(
        "  {} call sites, {} zeroed",
        image.call_sites().len(),
        image.zeroed_call_sites()
    );
    println!("  {:?}", image.features());
    let start = cpu();
    let mut counts = vec![Counts::default(); Attach::ALL.len()];
    for function in &functions {
        for (counts, answer) in counts.iter_mut().zip(image.answers(function)) {
            *counts.entry(answer).or_default() += 1;
        }
    }
    println!("  {:>8.1?} verdicts", cpu() - start);
    for (attach, counts) in Attach::ALL.iter().zip(counts) {
        print(&attach.to_string(), counts);
    }
    if sites {
        count_sites(&image, &functions);
    }
    Ok(())
}

fn count_sites(image: &Image<'_>, functions: &[nmissed_kimage::Function]) {
    let start = cpu();
    let mut counts = Counts::default();
    let mut last = None;
    for function in functions {
        // Aliases share their instructions.
        if last.replace(function.addr) != Some(function.addr) {
            for site in image.sites(function) {
                *counts.entry(site.answer).or_default() += 1;
            }
        }
    }
    println!("  {:>8.1?} sites", cpu() - start);
    print("site", counts);
}

fn print(what: &str, counts: Counts) {
    let mut counts: Vec<_> = counts
        .into_iter()
        .map(|(answer, count)| (count, describe(answer)))
        .collect();
    counts.sort_unstable();
    for (count, answer) in counts.into_iter().rev() {
        println!("  {what:<16} {count:>7}  {answer}");
    }
}

fn describe(answer: Answer) -> String {
    match answer {
        Answer::Yes(Flavor::Ftrace) => "ftrace".to_owned(),
        Answer::Yes(Flavor::Optimized) => "optimized".to_owned(),
        Answer::Yes(Flavor::Int3(reason)) => format!("int3 ({reason})"),
        Answer::No(refusal) => format!("{} ({refusal})", refusal.errno()),
        Answer::Depends(condition) => format!("depends ({condition})"),
    }
}

fn explain(file: &[u8], name: &str) -> nmissed_kimage::Result<()> {
    let unwrapped = unwrap(file)?;
    let image = Image::parse(&unwrapped.elf)?;
    for function in image.functions_named(name) {
        for attach in Attach::ALL {
            let verdict = image.verdict(&function, attach);
            println!("{attach}: {}", describe(verdict.answer));
            for evidence in verdict.evidence {
                println!("    {}: {}", evidence.asked_by, evidence.fact);
            }
        }
    }
    Ok(())
}

/// Time on a processor: what others do meanwhile is not counted.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = stat.split(' ').next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}
