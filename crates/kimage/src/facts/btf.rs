// SPDX-License-Identifier: GPL-2.0-only
//! As much of BTF (`Documentation/bpf/btf.rst`) as decides whether a BPF
//! trampoline can be built for a function.

use memchr::memmem;

use crate::bytes::{name_at, u16_at, u32_at};

const MAGIC: u16 = 0xeb9f;

// Kinds, from include/uapi/linux/btf.h.
pub(crate) const INT: u32 = 1;
pub(crate) const PTR: u32 = 2;
const ARRAY: u32 = 3;
pub(crate) const STRUCT: u32 = 4;
pub(crate) const UNION: u32 = 5;
pub(crate) const ENUM: u32 = 6;
const TYPEDEF: u32 = 8;
const VOLATILE: u32 = 9;
const CONST: u32 = 10;
const RESTRICT: u32 = 11;
pub(crate) const FUNC: u32 = 12;
pub(crate) const FUNC_PROTO: u32 = 13;
const VAR: u32 = 14;
const DATASEC: u32 = 15;
const DECL_TAG: u32 = 17;
const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;

/// `MAX_BPF_FUNC_ARGS`.
const MAX_ARGS: usize = 12;
/// Bytes that a register holds.
pub(crate) const REGISTER: u32 = 8;
/// Bytes of `struct btf_member`.
const MEMBER: usize = 12;
/// What two registers hold.
const MAX_ARG_SIZE: u32 = 2 * REGISTER;
/// Modifiers are not nested deeper than this; a cycle of them ends here.
const MAX_DEPTH: usize = 32;

/// Why `btf_distill_func_proto()` refuses a prototype.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unsupported {
    /// More than 12 parameters.
    TooManyArgs,
    /// It returns a struct or a union, or something of no known size.
    ReturnType,
    /// It takes variable arguments.
    Variadic,
    /// A parameter larger than 16 bytes, or of no known size.
    ArgType,
    /// A struct is passed by value, before 6.1.
    StructArg,
    /// A union is passed by value, before 6.18.
    UnionArg,
}

/// What `btf_distill_func_proto()` and the trampoline of x86_64 make of a prototype.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Model {
    /// Number of registers that all arguments take.
    pub(crate) registers: u32,
    /// Bytes of the return value.
    pub(crate) returned: u32,
    /// A union is among the arguments.
    pub(crate) unions: bool,
}

/// The types of an image.
#[derive(Clone, Debug)]
pub(crate) struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Where each type starts in `types`; type 0 is void and has no entry.
    offsets: Vec<u32>,
    /// What the numbers of these types and the offsets of these strings go on
    /// from: split BTF, as modules have it.
    base: Option<Box<Btf<'a>>>,
}

/// `struct btf_type`.
#[derive(Clone, Copy, Debug)]
struct Type<'a> {
    name: u32,
    info: u32,
    /// A size or another type's number.
    size_or_type: u32,
    /// The bytes behind it: members, parameters or values.
    rest: &'a [u8],
}

impl Type<'_> {
    fn kind(self) -> u32 {
        self.info >> 24 & 0x1f
    }

    fn vlen(self) -> usize {
        (self.info & 0xffff) as usize
    }

    /// Whether one of its members or enumerators, of `size` bytes each, has a name.
    fn has_name(self, name: u32, size: usize) -> bool {
        (0..self.vlen()).any(|index| u32_at(self.rest, size * index) == Some(name))
    }

    /// How many bytes follow it; `None` for an unknown kind.
    fn extra(self) -> Option<usize> {
        Some(match self.kind() {
            INT | VAR | DECL_TAG => 4,
            ARRAY => 12,
            STRUCT | UNION | DATASEC | ENUM64 => 12 * self.vlen(),
            ENUM | FUNC_PROTO => 8 * self.vlen(),
            PTR | 7..=12 | 16 | TYPE_TAG => 0,
            _ => return None,
        })
    }
}

impl<'a> Btf<'a> {
    const TYPE: usize = 12;

    /// The content of a `.BTF` section, as far as its types are of known kinds.
    pub(crate) fn parse(data: &'a [u8]) -> Option<Self> {
        Self::read(data, None)
    }

    /// The same for one that goes on from another.
    pub(crate) fn split(data: &'a [u8], base: Self) -> Option<Self> {
        Self::read(data, Some(Box::new(base)))
    }

    fn read(data: &'a [u8], base: Option<Box<Self>>) -> Option<Self> {
        if u16_at(data, 0)? != MAGIC {
            return None;
        }
        let body = data.get(u32_at(data, 4)? as usize..)?;
        let part = |at: usize| {
            body.get(u32_at(data, at)? as usize..)?
                .get(..u32_at(data, at + 4)? as usize)
        };
        let mut btf = Self {
            types: part(8)?,
            strings: part(16)?,
            offsets: Vec::new(),
            base,
        };
        btf.index();
        Some(btf)
    }

    fn index(&mut self) {
        self.offsets.reserve(self.types.len() / 32);
        let mut at = 0;
        while let Some(extra) = self.type_at(at).and_then(Type::extra) {
            self.offsets.push(at as u32);
            at += Self::TYPE + extra;
        }
    }

    fn type_at(&self, at: usize) -> Option<Type<'a>> {
        let word = |index: usize| u32_at(self.types, at + 4 * index);
        Some(Type {
            name: word(0)?,
            info: word(1)?,
            size_or_type: word(2)?,
            rest: self.types.get(at + Self::TYPE..)?,
        })
    }

    /// The number of its first type.
    fn first(&self) -> u32 {
        self.base
            .as_ref()
            .map_or(1, |base| base.first() + base.offsets.len() as u32)
    }

    fn get(&self, id: u32) -> Option<Type<'a>> {
        match id.checked_sub(self.first()) {
            Some(own) => self.type_at(*self.offsets.get(own as usize)? as usize),
            None => self.base.as_ref()?.get(id),
        }
    }

    /// How many bytes of strings there are, those of the base included.
    fn strings_len(&self) -> usize {
        let base = self.base.as_ref().map_or(0, |base| base.strings_len());
        base + self.strings.len()
    }

    fn string(&self, at: usize) -> Option<&'a [u8]> {
        let base = self.base.as_ref();
        match at.checked_sub(base.map_or(0, |base| base.strings_len())) {
            Some(own) => name_at(self.strings, own),
            None => base?.string(at),
        }
    }

    /// The functions, without those of the base: their numbers and names.
    pub(crate) fn functions(&self) -> impl Iterator<Item = (u32, &'a [u8])> {
        let types = self.offsets.iter().zip(self.first()..);
        types.filter_map(|(at, id)| {
            let function = self.type_at(*at as usize).filter(|it| it.kind() == FUNC)?;
            Some((id, self.string(function.name as usize)?))
        })
    }

    /// Whether an enumerator of a name is in an enum.
    pub(crate) fn has_enumerator(&self, name: &str) -> bool {
        self.string_offset(name).is_some_and(|name| {
            self.types().any(|it| match it.kind() {
                ENUM => it.has_name(name, 8),
                ENUM64 => it.has_name(name, 12),
                _ => false,
            })
        })
    }

    /// Whether a struct of a name has a member of a name.
    pub(crate) fn has_member(&self, structure: &str, member: &str) -> bool {
        let names = (self.string_offset(structure), self.string_offset(member));
        let (Some(structure), Some(member)) = names else {
            return false;
        };
        let named = |it: &Type<'_>| it.kind() == STRUCT && it.name == structure;
        self.types()
            .any(|it| named(&it) && it.has_name(member, MEMBER))
    }

    /// The offset of a string of its own; each is there once.
    fn string_offset(&self, text: &str) -> Option<u32> {
        let whole = [b"\0", text.as_bytes(), b"\0"].concat();
        u32::try_from(memmem::find(self.strings, &whole)? + 1).ok()
    }

    fn types(&self) -> impl Iterator<Item = Type<'a>> {
        self.offsets
            .iter()
            .filter_map(|at| self.type_at(*at as usize))
    }

    /// Whether a trampoline can be built for a function
    /// (`btf_distill_func_proto()`), and if so, what it passes. `structs`: structs may be
    /// passed by value.
    pub(crate) fn distill(&self, function: u32, structs: bool) -> Result<Model, Unsupported> {
        let prototype = self
            .get(function)
            .and_then(|function| self.get(function.size_or_type));
        let Some(prototype) = prototype.filter(|it| it.kind() == FUNC_PROTO) else {
            return Err(Unsupported::ReturnType);
        };
        // Twelve are one too many before c29a4920dfca (6.0).
        if prototype.vlen() > MAX_ARGS - usize::from(!structs) {
            return Err(Unsupported::TooManyArgs);
        }
        let returned = match self.size(prototype.size_or_type) {
            Some((kind, size)) if kind != STRUCT && kind != UNION => size,
            _ => return Err(Unsupported::ReturnType),
        };
        let mut all = Model {
            returned,
            ..Model::default()
        };
        for index in 0..prototype.vlen() {
            let (kind, size) = self.distill_arg(&prototype, index)?;
            // Before structs, each argument took one register: even an __int128.
            all.registers += if structs { size.div_ceil(REGISTER) } else { 1 };
            match kind {
                STRUCT if !structs => return Err(Unsupported::StructArg),
                UNION if !structs => return Err(Unsupported::UnionArg),
                _ => all.unions |= kind == UNION,
            }
        }
        Ok(all)
    }

    /// An argument's kind and size.
    fn distill_arg(&self, prototype: &Type<'_>, index: usize) -> Result<(u32, u32), Unsupported> {
        // struct btf_param is the name and the type.
        let id = u32_at(prototype.rest, 8 * index + 4).ok_or(Unsupported::ArgType)?;
        if id == 0 && index + 1 == prototype.vlen() {
            return Err(Unsupported::Variadic);
        }
        match self.size(id) {
            Some(it) if (1..=MAX_ARG_SIZE).contains(&it.1) => Ok(it),
            _ => Err(Unsupported::ArgType),
        }
    }

    /// A type's kind and size without its modifiers: `__get_type_size()`.
    fn size(&self, mut id: u32) -> Option<(u32, u32)> {
        if id == 0 {
            return Some((0, 0));
        }
        for _ in 0..MAX_DEPTH {
            let it = self.get(id)?;
            match it.kind() {
                TYPEDEF | VOLATILE | CONST | RESTRICT | TYPE_TAG if it.size_or_type == 0 => {
                    return None;
                }
                TYPEDEF | VOLATILE | CONST | RESTRICT | TYPE_TAG => id = it.size_or_type,
                PTR => return Some((PTR, 8)),
                kind @ (INT | STRUCT | UNION | ENUM | ENUM64) => {
                    return Some((kind, it.size_or_type));
                }
                _ => return None,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;
    use crate::testing::btf::Builder;
    use crate::testing::damage::{damage, spoil};

    /// `int` is 1, `struct of 24 bytes` 2, `struct of 16 bytes` 3, a typedef of
    /// a const `int` 5, a pointer to void 6, an enum of one value 7, a forward
    /// declaration 8.
    fn types() -> Builder {
        let mut btf = Builder::new();
        btf.add("int", INT, 0, 4, &[0x20]);
        btf.add("large", STRUCT, 1, 24, &[0, 1, 0]);
        btf.add("fits", STRUCT, 0, 16, &[]);
        btf.add("", CONST, 0, 1, &[]);
        btf.add("number", TYPEDEF, 0, 4, &[]);
        btf.add("", PTR, 0, 0, &[]);
        btf.add("choice", ENUM, 1, 4, &[0, 1]);
        btf.add("later", 7, 0, 0, &[]);
        btf
    }

    #[test]
    fn a_union_is_told() {
        let mut btf = types();
        let plain = btf.function("a", 0, &[3]);
        let union = btf.add("either", UNION, 0, 8, &[]);
        let with = btf.function("b", 0, &[union]);
        let data = btf.build();
        let btf = Btf::parse(&data).unwrap();
        let unions = [plain, with].map(|id| btf.distill(id, true).unwrap().unions);
        assert_eq!(unions, [false, true]);
    }

    #[test_case(0, &[], Ok(0); "void of nothing")]
    #[test_case(5, &[1, 5, 6, 7, 3], Ok(6); "what fits registers")]
    #[test_case(3, &[], Err(Unsupported::ReturnType); "returns a struct")]
    #[test_case(8, &[], Err(Unsupported::ReturnType); "returns an unknown type")]
    #[test_case(0, &[1, 2], Err(Unsupported::ArgType); "takes a large struct")]
    #[test_case(0, &[8], Err(Unsupported::ArgType); "takes an unknown type")]
    #[test_case(0, &[0, 1], Err(Unsupported::ArgType); "takes void")]
    #[test_case(0, &[1, 0], Err(Unsupported::Variadic); "variadic")]
    #[test_case(0, &[1; 12], Ok(12); "twelve")]
    #[test_case(0, &[1; 13], Err(Unsupported::TooManyArgs); "thirteen")]
    fn prototypes(returns: u32, params: &[u32], answer: Result<u32, Unsupported>) {
        let mut btf = types();
        let id = btf.function("it", returns, params);
        let data = btf.build();
        let btf = Btf::parse(&data).unwrap();
        assert_eq!(
            btf.functions().collect::<Vec<_>>(),
            [(id, b"it".as_slice())]
        );
        assert_eq!(btf.distill(id, true).map(|it| it.registers), answer);
    }

    #[test_case(&[3], Ok(2), Err(Unsupported::StructArg); "a struct by value")]
    #[test_case(&[9], Ok(2), Ok(1); "two registers of an integer")]
    #[test_case(&[10], Ok(1), Err(Unsupported::UnionArg); "a union by value")]
    #[test_case(&[1; 12], Ok(12), Err(Unsupported::TooManyArgs); "twelve")]
    #[test_case(&[9; 12], Ok(24), Err(Unsupported::TooManyArgs); "24 registers")]
    #[test_case(&[2], Err(Unsupported::ArgType), Err(Unsupported::ArgType); "a large struct")]
    fn structs_are_passed_since_6_1(
        params: &[u32],
        since: Result<u32, Unsupported>,
        before: Result<u32, Unsupported>,
    ) {
        let mut btf = types();
        assert_eq!(btf.add("__int128", INT, 0, 16, &[0x80]), 9);
        assert_eq!(btf.add("either", UNION, 0, 8, &[]), 10);
        let id = btf.function("it", 9, params);
        let data = btf.build();
        let btf = Btf::parse(&data).unwrap();
        let registers = |structs| btf.distill(id, structs).map(|it| it.registers);
        assert_eq!([registers(true), registers(false)], [since, before]);
        let returned = btf.distill(id, true).map(|it| it.returned);
        assert!(returned.is_err() || returned == Ok(16));
    }

    #[test]
    fn what_a_kernel_has_is_told_by_members_and_enumerators() {
        let mut btf = types();
        // Names are added with types: these two are never used as such.
        let (member, value) = (
            btf.add("arg_flags", PTR, 0, 0, &[]),
            btf.add("ONE", PTR, 0, 0, &[]),
        );
        let (member, value) = (btf.name_of(member), btf.name_of(value));
        btf.add("btf_func_model", STRUCT, 1, 1, &[member, 1, 0]);
        btf.add("other", STRUCT, 1, 1, &[value, 1, 0]);
        btf.add("numbers", ENUM, 2, 4, &[0, 0, value, 1]);
        let data = btf.build();
        let btf = Btf::parse(&data).unwrap();
        assert!(btf.has_member("btf_func_model", "arg_flags"));
        assert!(!btf.has_member("btf_func_model", "ONE") && !btf.has_member("other", "arg_flags"));
        assert!(btf.has_enumerator("ONE") && !btf.has_enumerator("arg_flags"));
    }

    #[test]
    fn split_btf_goes_on_from_its_base() {
        let mut base = types();
        let known = base.function("known", 0, &[2]);
        let mut own = Builder::after(&base);
        let first = own.function("small", 1, &[6]);
        let large = own.function("large", 0, &[2]);
        // A prototype of the base's, as the linker of types shares them.
        let shared = own.add("shared", FUNC, 1, known - 1, &[]);
        let (base, own) = (base.build(), own.build());
        let base = Btf::parse(&base).unwrap();
        let split = Btf::split(&own, base.clone()).unwrap();
        assert_eq!((first, large), (known + 2, known + 4));
        let names: Vec<_> = split.functions().collect();
        let wanted = [
            (first, b"small".as_slice()),
            (large, b"large"),
            (shared, b"shared"),
        ];
        assert_eq!(names, wanted);
        assert_eq!(split.distill(first, true).map(|it| it.registers), Ok(1));
        for id in [large, shared, known] {
            assert_eq!(split.distill(id, true), Err(Unsupported::ArgType), "{id}");
        }
    }

    #[test]
    fn a_type_that_is_itself_has_no_size() {
        let mut btf = Builder::new();
        btf.add("me", TYPEDEF, 0, 1, &[]);
        let id = btf.function("it", 0, &[1]);
        let data = btf.build();
        assert_eq!(
            Btf::parse(&data).unwrap().distill(id, true),
            Err(Unsupported::ArgType)
        );
    }

    proptest! {
        #[test]
        fn damage_does_not_panic(damage in damage(1..5)) {
            let mut btf = types();
            btf.function("it", 1, &[1, 2, 3]);
            let mut data = btf.build();
            spoil(&mut data, &damage);
            if let Some(btf) = Btf::parse(&data) {
                for (id, _) in btf.functions() {
                    let _ = btf.distill(id, id % 2 == 0);
                }
            }
        }
    }
}
