//! Arguments, variables and random bytes.

use plugbay_abi::{GuestMemory, write};

use super::{Args, Errno, offset, write_u32};
use crate::HostCall;

type Variable = (String, String);

/// How many there are and how many bytes they take, terminators included.
pub(super) fn sizes(
    memory: &mut dyn GuestMemory,
    args: Args<'_>,
    variables: &[Variable],
) -> Result<(), Errno> {
    let bytes: usize = variables.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    write_u32(memory, args.u32(0), number(variables.len())?)?;
    write_u32(memory, args.u32(1), number(bytes)?)
}

/// `environ_get`: pointers at the first argument, what they point to at the second.
pub(super) fn variables(
    memory: &mut dyn GuestMemory,
    args: Args<'_>,
    variables: &[Variable],
) -> Result<(), Errno> {
    let (mut entry, mut at) = (args.u32(0), args.u32(1));
    for (name, value) in variables {
        let text = [name.as_bytes(), b"=", value.as_bytes(), b"\0"].concat();
        write_u32(memory, entry, at)?;
        write(memory, at, &text)?;
        entry = offset(entry, 4)?;
        at = offset(at, number(text.len())?)?;
    }
    Ok(())
}

/// `random_get`: the host's, straight into the guest's memory.
pub(super) fn random(
    memory: &mut dyn GuestMemory,
    host: &dyn HostCall,
    args: Args<'_>,
) -> Result<(), Errno> {
    let (start, len) = (args.u32(0) as usize, args.u32(1) as usize);
    let end = start.checked_add(len).ok_or(Errno::Fault)?;
    let bytes = memory.bytes().get_mut(start..end).ok_or(Errno::Fault)?;
    if host.random(bytes) { Ok(()) } else { Err(Errno::Io) }
}

fn number(count: usize) -> Result<u32, Errno> {
    u32::try_from(count).map_err(|_| Errno::Overflow)
}
