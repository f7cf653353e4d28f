//! What is drawn. A view reads what is known and queues what the operator asks for; it changes
//! nothing else and waits for nothing.

pub(crate) mod header;
pub(crate) mod nodes;
mod parts;
pub(crate) mod waiting;
