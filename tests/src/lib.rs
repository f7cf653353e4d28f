//! What only tests need: the fault lab, a screen without a monitor, and the operator's window on it.

pub mod defaults;
pub mod faults;
pub mod virtual_display;
pub mod window_process;
