//! What `atop -P` printed: any bytes at all.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::atop(bytes));
