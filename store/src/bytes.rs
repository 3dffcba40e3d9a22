//! Small integers as bytes, and check sums.

/// A byte for 7 bits, low first.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The reverse of [`put`]; `None` when the bytes end too soon.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Signed to unsigned, small magnitudes first.
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The reverse of [`zigzag`].
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, zigzag(value));
}

pub(crate) fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    take(bytes).map(unzigzag)
}

/// Fills the first four bytes of a blob with the CRC-32 of the others.
pub(crate) fn seal(blob: &mut [u8]) {
    if let Some((crc, rest)) = blob.split_first_chunk_mut() {
        *crc = crc32fast::hash(rest).to_le_bytes();
    }
}

/// A blob with the CRC-32 of it in front.
pub(crate) fn sealed(blob: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(blob.len() + 4);
    out.extend([0; 4]);
    out.extend_from_slice(blob);
    seal(&mut out);
    out
}

/// What was [`seal`]ed; `None`: it is not what it was.
pub(crate) fn unsealed(blob: &[u8]) -> Option<&[u8]> {
    let (crc, rest) = blob.split_first_chunk()?;
    (*crc == crc32fast::hash(rest).to_le_bytes()).then_some(rest)
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(take(bytes)?).ok()?;
    if len > bytes.len() {
        return None;
    }
    let (head, tail) = bytes.split_at(len);
    *bytes = tail;
    Some(head)
}
