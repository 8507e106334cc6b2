use crate::world::{World, limits_but, no_limits};
use application::{
    accounts::{PictureError, Pictures},
    ports::{MockPictureProcessor, PictureRefused, ShownPicture},
};
use domain::{TimeDelta, throttle::Throttled};
use std::sync::Arc;
use testkit::{CountingEntropy, a_user};

/// Draws what it is sent, but for nothing at all.
fn pictures(w: &World) -> Pictures {
    let mut processor = MockPictureProcessor::new();
    processor.expect_make().returning(|image| {
        if image.is_empty() { Err(PictureRefused::Unreadable) } else { Ok(ShownPicture(image)) }
    });
    Pictures {
        pictures: w.store.pictures.clone(),
        processor: Arc::new(processor),
        limits: no_limits(),
        entropy: Arc::new(CountingEntropy::default()),
    }
}

#[tokio::test]
async fn a_picture_has_a_new_name_each_time_and_the_one_before_is_gone() {
    let w = World::new();
    let ann = w.an_account(1).await;
    let pictures = pictures(&w);
    let first = pictures.change(ann.id, vec![1]).await.expect("changes").picture.expect("has one");
    let second = pictures.change(ann.id, vec![1]).await.expect("changes").picture.expect("has one");
    assert_ne!(first, second);
    assert_eq!(pictures.find(first).await.expect("answers"), None);
    assert_eq!(pictures.find(second).await.expect("answers"), Some(ShownPicture(vec![1])));
    assert_eq!(pictures.remove(ann.id).await.expect("changes"), ann);
    assert_eq!(pictures.find(second).await.expect("answers"), None);
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let w = World::new();
    let ann = w.an_account(1).await;
    let pictures = pictures(&w);
    let before = pictures.change(ann.id, vec![1]).await.expect("changes");
    let refused = pictures.change(ann.id, Vec::new()).await;
    assert!(matches!(refused, Err(PictureError::Refused(PictureRefused::Unreadable))));
    assert_eq!(w.profile().find(ann.id).await.expect("answers"), Some(before));
}

#[tokio::test]
async fn a_picture_goes_with_its_account() {
    let w = World::new();
    let ann = w.an_account(1).await;
    let pictures = pictures(&w);
    let ann = pictures.change(ann.id, vec![1]).await.expect("changes");
    w.erase().execute(&ann).await.expect("answers");
    assert_eq!(pictures.find(ann.picture.expect("had one")).await.expect("answers"), None);
    assert!(matches!(pictures.change(ann.id, vec![1]).await, Err(PictureError::Gone)));
    assert!(matches!(pictures.remove(ann.id).await, Err(PictureError::Gone)));
}

#[tokio::test]
async fn who_sends_too_many_images_has_to_wait_before_the_next_is_taken_in() {
    let pictures = Pictures { limits: limits_but("picture"), ..pictures(&World::new()) };
    let Err(Throttled { retry_after }) = pictures.admit(a_user(1).id).await else {
        panic!("expected to be told to wait");
    };
    assert_eq!(retry_after, TimeDelta::seconds(7));
}
