//! Pictures of people.
use crate::{
    limits::Limits,
    ports::{
        Entropy, EntropyExt, NewPicture, PictureProcessor, PictureRefused, PictureRepository,
        ShownPicture, Unavailable,
    },
};
use domain::{id::UserId, picture::PictureId, throttle::Throttled, user::User};
use std::sync::Arc;

/// Shows and changes the pictures of people.
#[derive(Clone)]
pub struct Pictures {
    /// Where they are.
    pub pictures: Arc<dyn PictureRepository>,
    /// Makes them.
    pub processor: Arc<dyn PictureProcessor>,
    /// Bounds how many somebody has made.
    pub limits: Limits,
    /// Names them.
    pub entropy: Arc<dyn Entropy>,
}

/// Why a picture is not changed.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The account is gone.
    #[error("this account no longer exists")]
    Gone,
    /// What was sent makes no picture.
    #[error(transparent)]
    Refused(#[from] PictureRefused),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Pictures {
    /// Whether somebody may send one more image; asked before the image is taken in.
    pub async fn admit(&self, me: UserId) -> Result<(), Throttled> {
        self.limits.picture(me).await
    }

    /// Makes a picture of an image and gives it to its sender. One that is refused changes nothing.
    pub async fn change(&self, me: UserId, image: Vec<u8>) -> Result<User, PictureError> {
        let shown = self.processor.make(image).await?;
        let id = PictureId::mint(self.entropy.bytes());
        self.replace(me, Some(NewPicture { id, shown })).await
    }

    /// Takes one's picture away.
    pub async fn remove(&self, me: UserId) -> Result<User, PictureError> {
        self.replace(me, None).await
    }

    /// The picture of this name.
    pub async fn find(&self, id: PictureId) -> Result<Option<ShownPicture>, Unavailable> {
        self.pictures.find(id).await
    }

    async fn replace(&self, me: UserId, new: Option<NewPicture>) -> Result<User, PictureError> {
        self.pictures.replace(me, new).await?.ok_or(PictureError::Gone)
    }
}
