//! How far a request is, and where its time goes.

use lens_protocol::{RequestStage, Response, StageTimes};

use crate::clock::now_ms;
use crate::outbox::post;

/// Reports progress of one request, at most some tens of times a second.
pub struct Reporter {
    id: u32,
    last: Option<(RequestStage, f64)>,
}

impl Reporter {
    /// Milliseconds between two reports of the same stage.
    const INTERVAL_MS: f64 = 40.0;

    /// Of request `id`.
    pub fn new(id: u32) -> Self {
        Self { id, last: None }
    }

    /// `done` of `total` bytes or steps of a stage.
    pub fn report(&mut self, stage: RequestStage, done: u64, total: u64) {
        let now = now_ms();
        let skip = done < total && self.last.is_some_and(|(s, at)| s == stage && now - at < Self::INTERVAL_MS);
        if !skip {
            self.last = Some((stage, now));
            post(&Response::Progress { id: self.id, stage, done, total });
        }
    }
}

/// Reports a stage when the GPU has done what was submitted until now, which is long after it was submitted; at once
/// where there is no queue.
pub fn report_when_done(queue: Option<&wgpu::Queue>, id: u32, stage: RequestStage, done: u64, total: u64) {
    let report = move || post(&Response::Progress { id, stage, done, total });
    match queue {
        Some(queue) => queue.on_submitted_work_done(report),
        None => report(),
    }
}

/// Divides time among stages: every moment goes to one.
pub struct Stopwatch {
    /// When the stage under way began, in milliseconds.
    pub since: f64,
    stage: fn(&mut StageTimes) -> &mut f64,
    /// Times of the stages that ended.
    pub times: StageTimes,
}

impl Stopwatch {
    /// Begins with a stage.
    pub fn start(stage: fn(&mut StageTimes) -> &mut f64) -> Self {
        Self { since: now_ms(), stage, times: StageTimes::default() }
    }

    /// `stage` begins, and the one before it ends.
    pub fn enter(&mut self, stage: fn(&mut StageTimes) -> &mut f64) {
        let now = now_ms();
        *(self.stage)(&mut self.times) += now - self.since;
        (self.since, self.stage) = (now, stage);
    }
}
