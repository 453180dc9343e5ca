// SPDX-License-Identifier: GPL-2.0-only
//! Which symbol a name means to the kernel, and what a report says of the
//! function that it finds.

use crate::answer::refusal::Refusal;
use crate::elf::module;
use crate::facts::functions::{CallCode, Function, Region};
use crate::facts::image::Image;
use crate::rules::trail::{Check, Trail, refuse_if};

impl Image<'_> {
    /// The symbols of a module's init sections go with them.
    pub(super) fn refuse_forgotten(&self, function: &Function) -> Check {
        refuse_if(
            self.is_module() && function.region == Region::Init,
            Refusal::ModuleInit,
        )
    }

    /// Whether looking up its name finds another function.
    pub(super) fn is_shadowed(&self, function: &Function) -> bool {
        function.copies > 1 && self.symbols.address_of(self.name(function)) != Some(function.addr)
    }

    pub(super) fn note_call_site(&self, function: &Function, trail: &mut impl Trail) {
        trail.note("ftrace_location", || match function.call_site {
            None => "no call site in its extent".to_owned(),
            Some(site) => {
                let code = match site.code {
                    CallCode::Call(to) => format!("call {}", self.place_name(to)),
                    CallCode::Nop => "a NOP".to_owned(),
                    CallCode::Other(bytes) => format!("{bytes:02x?}"),
                };
                format!(
                    "call site at +{:#x}: {code}",
                    site.addr.wrapping_sub(function.addr)
                )
            }
        });
    }

    /// The symbol at an address, or the address.
    fn place_name(&self, addr: u64) -> String {
        let kernels = || self.kernel()?.symbol_at(addr);
        let undefined = || {
            let name = module::import_at(&self.elf, addr)?;
            std::str::from_utf8(name).ok()
        };
        let name = self.symbol_at(addr).or_else(kernels).or_else(undefined);
        name.map_or_else(|| format!("{addr:#x}"), str::to_owned)
    }

    fn symbol_at(&self, addr: u64) -> Option<&str> {
        let symbol = self.symbols.around(addr)?;
        (self.symbols.get(symbol).addr == addr).then(|| self.symbols.name(symbol))
    }
}
