//! What makes many instances quick together. Nothing depends on it: when Redis is gone, everything
//! still works, only slower or apart.
