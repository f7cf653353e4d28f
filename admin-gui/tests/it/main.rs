//! The window, fed with generated snapshots, and the program itself.

mod generated;
mod program;
mod screen;
