//! The fault lab: real processes under faults, and a checker of what their clients saw.
//!
//! A run has four parts. [`schedule`] draws faults from a seed. [`workload`] keeps clients sending,
//! moving and reconnecting, and records what each of them saw.
//! [`inject`] carries out the schedule on a cluster's processes, links and Redis. [`check`] compares the
//! [`history`] with the guarantees; it is pure, so that histories written by hand can show that it
//! finds violations. [`run`] combines these, and [`report`] prints the result. [`measure`] is about time
//! alone: how long stale entries stay, and how long the directory takes to be rebuilt.

pub mod check;
pub mod history;
pub mod inject;
pub mod measure;
pub mod observe;
pub mod report;
pub mod run;
pub mod schedule;
pub mod workload;
