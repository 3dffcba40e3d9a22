//! What pmrep prints of an archive: any bytes at all.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::pcp(bytes));
