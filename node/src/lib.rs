//! The node.

pub mod custody;
pub mod defaults;
