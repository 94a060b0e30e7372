use super::*;

#[test]
fn all_that_waits_is_taken_at_once_in_order() {
    let (sender, mut receiver) = inbox(10);
    for number in 0..5 {
        sender.push(number).unwrap();
    }
    let mut batch = Vec::new();
    assert!(receiver.take(&mut batch));
    assert_eq!(batch, [0, 1, 2, 3, 4]);
}

#[test]
fn what_came_meanwhile_goes_behind_what_there_is() {
    let (sender, mut receiver) = inbox(3);
    let mut batch = vec![1];
    receiver.gather(&mut batch);
    assert_eq!(batch, [1]);
    sender.push(2).unwrap();
    sender.push(3).unwrap();
    receiver.gather(&mut batch);
    assert_eq!(batch, [1, 2, 3]);
    drop(sender);
    receiver.gather(&mut batch);
    assert_eq!(batch, [1, 2, 3]);
    batch.clear();
    assert!(!receiver.take(&mut batch), "the inbox is empty, and closed");
}

#[test]
fn a_full_inbox_refuses_and_gives_the_item_back() {
    let (sender, mut receiver) = inbox(1);
    sender.push("a").unwrap();
    assert_eq!(sender.push("b"), Err(Refused::Full("b")));
    let mut batch = Vec::new();
    assert!(receiver.take(&mut batch));
    assert_eq!(sender.push("b"), Ok(()));
}

#[test]
fn what_waits_is_still_taken_after_the_last_sender_left() {
    let (sender, mut receiver) = inbox(4);
    sender.clone().push(1).unwrap();
    drop(sender);
    let mut batch = Vec::new();
    assert!(receiver.take(&mut batch));
    batch.clear();
    assert!(!receiver.take(&mut batch));
}

#[test]
fn nobody_pushes_to_a_receiver_that_is_gone() {
    let (sender, receiver) = inbox(4);
    drop(receiver);
    assert_eq!(sender.push(1), Err(Refused::Closed(1)));
}

#[test]
fn a_sleeping_thread_gets_everything_from_several_producers() {
    let (sender, mut receiver) = inbox(usize::MAX);
    let producers: Vec<_> = (0..4)
        .map(|_| {
            let sender = sender.clone();
            std::thread::spawn(move || (0..1000).for_each(|number| sender.push(number).unwrap()))
        })
        .collect();
    drop(sender);
    let (mut batch, mut sum, mut count) = (Vec::new(), 0, 0);
    while receiver.take(&mut batch) {
        count += batch.len();
        sum += batch.drain(..).sum::<i32>();
    }
    producers.into_iter().for_each(|producer| producer.join().unwrap());
    assert_eq!((count, sum), (4000, 4 * 499_500));
}

#[tokio::test]
async fn a_task_is_woken_by_a_push_and_by_the_close() {
    let (sender, mut receiver) = inbox(4);
    let consumer = tokio::spawn(async move {
        let (mut batch, mut all) = (Vec::new(), Vec::new());
        while receiver.next(&mut batch).await {
            all.append(&mut batch);
        }
        all
    });
    tokio::task::yield_now().await;
    sender.push(7).unwrap();
    tokio::task::yield_now().await;
    sender.push(8).unwrap();
    drop(sender);
    assert_eq!(consumer.await.unwrap(), [7, 8]);
}
