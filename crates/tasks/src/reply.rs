//! Replies that cross threads in bulk: one wake-up a thread and batch, not one a request.
//!
//! A front thread owns a [`Desk`]. A call takes a [`Ticket`] there, sends it along with its request and
//! awaits the [`Reply`]. Whoever answers a batch collects the answers in an [`Outbox`] and sends
//! them off together: each desk gets one parcel and one wake-up, and its [`Desk::attend`] task hands
//! them to the calls, which run on the same thread. A wake-up a request was measured at a third more
//! CPU a put.

use futures::task::AtomicWaker;
use parking_lot::Mutex;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Where the replies for the calls of one front thread arrive.
#[derive(Debug)]
pub struct Desk<T> {
    shared: Arc<Shared<T>>,
}

/// The right to answer one call, once. Travels with the request, through any thread. Dropping it leaves the
/// call waiting for its deadline.
#[derive(Debug)]
pub struct Ticket<T> {
    desk: Desk<T>,
    slot: SlotId,
}

/// The answer to come. Dropping it gives the slot back; an answer that arrives after that reaches nobody (law T4).
#[derive(Debug)]
pub struct Reply<T> {
    desk: Desk<T>,
    slot: SlotId,
}

/// Answers on their way to their desks.
#[derive(Debug)]
pub struct Outbox<T> {
    parcels: Vec<(Desk<T>, Parcel<T>)>,
}

/// Answers for one desk.
type Parcel<T> = Vec<(SlotId, T)>;

#[derive(Debug)]
struct Shared<T> {
    mail: Mutex<Parcel<T>>,
    attendant: AtomicWaker,
    slots: Mutex<Slots<T>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SlotId {
    position: u32,
    generation: u32,
}

#[derive(Debug)]
struct Slots<T> {
    all: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    state: SlotState<T>,
}

#[derive(Debug)]
enum SlotState<T> {
    Free,
    Waiting(Option<Waker>),
    Answered(T),
}

impl<T> Default for Desk<T> {
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                mail: Mutex::new(Vec::new()),
                attendant: AtomicWaker::new(),
                slots: Mutex::new(Slots { all: Vec::new(), free: Vec::new() }),
            }),
        }
    }
}

impl<T> Clone for Desk<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T> Desk<T> {
    /// A ticket to send with a request, and the reply to await.
    ///
    /// # Panics
    /// With four thousand million calls waiting at one desk.
    #[must_use]
    pub fn ticket(&self) -> (Ticket<T>, Reply<T>) {
        let slot = self.shared.slots.lock().open();
        (Ticket { desk: self.clone(), slot }, Reply { desk: self.clone(), slot })
    }

    /// Hands the answers that have arrived to their calls now, on the thread of the calls.
    pub fn look(&self) {
        self.sort(&mut Vec::new());
    }

    /// Hands arriving answers to their calls, for ever. One task a desk, on the thread of its calls.
    pub async fn attend(&self) {
        let mut mail = Vec::new();
        std::future::poll_fn(|context| {
            self.shared.attendant.register(context.waker());
            self.sort(&mut mail);
            Poll::<()>::Pending
        })
        .await;
    }

    /// Gives every answer that has arrived to its call.
    fn sort(&self, mail: &mut Parcel<T>) {
        loop {
            std::mem::swap(&mut *self.shared.mail.lock(), mail);
            if mail.is_empty() {
                return;
            }
            let mut slots = self.shared.slots.lock();
            for (slot, answer) in mail.drain(..) {
                slots.answer(slot, answer);
            }
        }
    }

    fn deliver(&self, parcel: &mut Parcel<T>) {
        let was_empty = {
            let mut mail = self.shared.mail.lock();
            let was_empty = mail.is_empty();
            mail.append(parcel);
            was_empty
        };
        if was_empty {
            self.shared.attendant.wake();
        }
    }
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self { parcels: Vec::new() }
    }
}

impl<T> Outbox<T> {
    /// Lays `answer` ready for the call that holds the reply to `ticket`.
    pub fn put(&mut self, ticket: Ticket<T>, answer: T) {
        let Ticket { desk, slot } = ticket;
        for (known, parcel) in &mut self.parcels {
            if Arc::ptr_eq(&known.shared, &desk.shared) {
                parcel.push((slot, answer));
                return;
            }
        }
        self.parcels.push((desk, vec![(slot, answer)]));
    }

    /// Sends everything off: one wake-up a desk (law T3). The outbox keeps its allocations.
    pub fn send(&mut self) {
        for (desk, parcel) in &mut self.parcels {
            if !parcel.is_empty() {
                desk.deliver(parcel);
            }
        }
    }
}

impl<T> Ticket<T> {
    /// Answers this one call now, with a wake-up of its own.
    pub fn answer(self, answer: T) {
        let mut parcel = vec![(self.slot, answer)];
        self.desk.deliver(&mut parcel);
    }
}

impl<T> Future for Reply<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.desk.shared.slots.lock().poll(self.slot, context)
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        // Declared first so that it is dropped last: an answer may own anything, the lock's owner too.
        let unread;
        let mut slots = self.desk.shared.slots.lock();
        unread = slots.close(self.slot);
        drop(slots);
        drop(unread);
    }
}

impl<T> Slots<T> {
    fn open(&mut self) -> SlotId {
        let position = self.free.pop().unwrap_or_else(|| {
            self.all.push(Slot { generation: 0, state: SlotState::Free });
            u32::try_from(self.all.len() - 1).expect("fewer calls than fit memory")
        });
        let slot = &mut self.all[position as usize];
        slot.state = SlotState::Waiting(None);
        SlotId { position, generation: slot.generation }
    }

    fn answer(&mut self, id: SlotId, answer: T) {
        let slot = &mut self.all[id.position as usize];
        if slot.generation != id.generation {
            return; // T4: the call went away
        }
        if let SlotState::Waiting(Some(waker)) =
            std::mem::replace(&mut slot.state, SlotState::Answered(answer))
        {
            waker.wake();
        }
    }

    fn poll(&mut self, id: SlotId, context: &Context<'_>) -> Poll<T> {
        let slot = &mut self.all[id.position as usize];
        assert_eq!(slot.generation, id.generation, "T4: a reply is not polled after its answer");
        match std::mem::replace(&mut slot.state, SlotState::Free) {
            SlotState::Answered(answer) => Poll::Ready(answer),
            SlotState::Waiting(_) | SlotState::Free => {
                slot.state = SlotState::Waiting(Some(context.waker().clone()));
                Poll::Pending
            }
        }
    }

    /// Frees the slot for another call, under another generation. Returns an answer nobody read.
    fn close(&mut self, id: SlotId) -> SlotState<T> {
        let slot = &mut self.all[id.position as usize];
        assert_eq!(slot.generation, id.generation, "T4: a slot is closed once");
        slot.generation = slot.generation.wrapping_add(1);
        let last = std::mem::replace(&mut slot.state, SlotState::Free);
        self.free.push(id.position);
        last
    }
}

#[cfg(test)]
mod tests;
