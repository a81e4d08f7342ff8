//! Is a device right, is it fast, and what does a precision cost?
//!
//! | file | what it is |
//! |---|---|
//! | [`self_check`] | every kernel on small cases, against the CPU |
//! | [`bench`] | how long a kernel takes |
//! | [`faster`] | whether an adapter is faster than the CPU |
//! | [`fidelity`] | how far a pack's answers are from those of the same weights in f32 |

pub mod bench;
pub mod faster;
pub mod fidelity;
pub mod self_check;
