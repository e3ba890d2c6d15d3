//! How much memory a camera worker may take, and how it gives back what it does not need any more: pure.
//!
//! A camera that is awake has a decoder of its own: some 20 MB at 1080p, four times that in 4K, and after a start or at dusk
//! all of them are awake at once. What one bad stream could take beyond that must not cost the box its other processes.

/// What a worker takes without cameras: the detector and the decoder for looks, and room for pictures on their way.
const BASE_BYTES: u64 = 256 << 20;
/// What is left to each camera: one in 4K.
const A_CAMERA_BYTES: u64 = 80 << 20;
/// The least, however small the box is.
const LEAST_BYTES: u64 = 512 << 20;

/// Makes glibc's allocator give large blocks back to the system as soon as they are free. By itself it learns from the
/// first freed picture to keep blocks of that size, in a heap for each thread: sixteen sleeping cameras of 1080p then held
/// 460 MB in place of 250. Other C libraries pass these over.
pub(super) const ALLOCATOR: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "131072"), ("MALLOC_ARENA_MAX", "2")];

/// Memory that a worker of so many cameras may take, bytes: what is configured, or enough for all of them to be awake, but no
/// more than its share of three quarters of the box.
pub(super) fn limit(configured: Option<u64>, cameras: usize, workers: usize, box_bytes: Option<u64>) -> u64 {
    configured.unwrap_or_else(|| {
        let share = box_bytes.map_or(u64::MAX, |bytes| bytes / 4 * 3 / workers.max(1) as u64);
        (BASE_BYTES + A_CAMERA_BYTES * cameras as u64).min(share).max(LEAST_BYTES)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn it_grows_with_the_cameras_up_to_a_share_of_the_box() {
        assert_eq!(limit(None, 1, 2, Some(8 * GIB)), LEAST_BYTES);
        assert_eq!(limit(None, 16, 2, Some(8 * GIB)), BASE_BYTES + 16 * A_CAMERA_BYTES);
        assert_eq!(limit(None, 64, 2, Some(8 * GIB)), 3 * GIB);
        assert_eq!(limit(None, 64, 2, Some(GIB / 2)), LEAST_BYTES, "too small a box still tries");
        assert_eq!(limit(None, 16, 2, None), BASE_BYTES + 16 * A_CAMERA_BYTES, "its size is not known");
    }

    #[test]
    fn what_is_configured_counts() {
        assert_eq!(limit(Some(64 << 20), 64, 2, Some(8 * GIB)), 64 << 20);
    }
}
