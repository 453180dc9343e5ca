// SPDX-License-Identifier: GPL-2.0-only
//! Fuzz targets, which `cargo xtask fuzz` runs: one per parser of input that is not
//! trusted, and one for all of them in a row. Each compares results with what holds
//! for every image, so that it finds wrong answers, not only panics.

mod input;
mod run;
mod seeds;

use self::input::{METHODS, join};
use crate::testing::toy::Kernel;
use crate::testing::toy_module::{toy_module, toy_module_apart};

/// A parser, and inputs to start from.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of the program in `fuzz/fuzz_targets` that runs it.
    pub name: &'static str,
    /// Panics if a check fails; `None` if the parser refuses the input.
    pub run: fn(&[u8]) -> Option<()>,
    /// Inputs that reach far into it.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "elf",
        run: run::elf,
        seeds: || vec![Kernel::whole().elf(), seeds::small()],
    },
    Target {
        name: "container",
        run: run::container,
        seeds: seeds::containers,
    },
    Target {
        name: "decompress",
        run: run::decompress,
        seeds: || METHODS.map(seeds::compressed).to_vec(),
    },
    Target {
        name: "kallsyms",
        run: run::symbols,
        seeds: seeds::symbol_tables,
    },
    Target {
        name: "btf",
        run: run::btf,
        seeds: || vec![seeds::prototypes()],
    },
    Target {
        name: "insn",
        run: run::insn,
        seeds: || seeds::CODE.iter().map(|code| code.to_vec()).collect(),
    },
    Target {
        name: "tables",
        run: run::tables,
        seeds: seeds::kernels,
    },
    Target {
        name: "image",
        run: run::image,
        seeds: || vec![Kernel::with_files().elf(), Kernel::whole().stripped()],
    },
    Target {
        name: "dwarf",
        run: run::dwarf,
        seeds: || vec![seeds::units()],
    },
    Target {
        name: "makefile",
        run: run::makefile,
        seeds: || vec![join(&seeds::MAKEFILES.map(str::as_bytes))],
    },
    Target {
        name: "module",
        run: run::module,
        seeds: || vec![toy_module(), toy_module_apart()],
    },
];

/// The target of a name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::input::parts;
    use super::*;
    use crate::testing::damage::{damage, spoil};

    #[test]
    fn seeds_are_few_and_small() {
        let all: Vec<Vec<u8>> = TARGETS.iter().flat_map(|target| (target.seeds)()).collect();
        let bytes: usize = all.iter().map(Vec::len).sum();
        assert!(bytes < 100_000, "{bytes} bytes in {} seeds", all.len());
    }

    #[test]
    fn every_target_reads_its_seeds_and_refuses_nothing_at_all() {
        for target in TARGETS {
            let refused = (target.run)(&[]).is_none();
            let image_around = ["tables", "dwarf"].contains(&target.name);
            assert!(refused || image_around, "{}", target.name);
            for (index, seed) in (target.seeds)().iter().enumerate() {
                let name = target.name;
                assert!((target.run)(seed).is_some(), "{name}, seed {index}");
            }
        }
    }

    #[test]
    fn parts_come_out_as_they_went_in() {
        let data = join(&[b"abc", b"", b"d"]);
        assert_eq!(parts::<4>(&data), [b"abc".as_slice(), b"", b"d", b""]);
        assert_eq!(parts::<1>(&data[..4]), [b"ab"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_target_fails_on_damaged_seeds(
            damage in damage(1..8),
            cut: prop::sample::Index,
        ) {
            for target in TARGETS {
                for mut seed in (target.seeds)() {
                    spoil(&mut seed, &damage);
                    let _ = (target.run)(&seed);
                    let _ = (target.run)(&seed[..cut.index(seed.len())]);
                }
            }
        }
    }
}
