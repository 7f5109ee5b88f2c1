//! Any bytes as the messages of some Flight calls: whatever they are answered, the server goes on.

#![no_main]

use altertable_mock_fuzz::{flight, server::server};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut server = server();
    server.begin();
    let address = server.mock.addresses().flight;
    server.runtime.block_on(flight::act(address, input));
    server.judge_settings();
    server.judge();
});
