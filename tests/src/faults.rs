//! Real processes under real faults, and a checker that proves that every send had one outcome.
//!
//! A run has four parts. [`schedule`] draws from a seed which faults come when. [`workload`] keeps
//! clients talking, moving and reconnecting meanwhile, and records what each of them saw.
//! [`inflict`] carries the schedule out on a cluster's processes, links and Redis. [`check`] then
//! holds the [`history`] to the contract; it is pure, so that histories made by hand can show that
//! it bites. [`run`] puts these together, and [`report`] prints what came of it. [`measure`] is
//! about time alone: how long ghosts stay, and how long the directory takes to be whole again.

pub mod check;
pub mod history;
pub mod inflict;
pub mod look;
pub mod measure;
pub mod report;
pub mod run;
pub mod schedule;
pub mod workload;
