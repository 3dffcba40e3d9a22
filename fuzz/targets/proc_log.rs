//! Kernel files that a script wrote down: any bytes at all.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::proc_log(bytes));
