#ifndef VHOST_TRACK_H
#define VHOST_TRACK_H
#include "drivers/vhost/look.h"

/* C only */

/* Beside the data path: what others want to know of a queue's work. A queue is `tracked` while
 * anybody asks; for any other this is one branch that is not taken.
 *
 * The dirty log is for a front-end that migrates its guest. A page is marked after it was written:
 * whoever takes the mark away and copies the page has the bytes, or finds the mark again
 * (vhost-user, "Migration"). Every mark of a burst is made within the burst, so whoever stops the
 * ring and waits for its lcore has all of them.
 *
 * The in-flight area is for a back-end that comes after one that died. Chains are used up in the
 * burst that finds them, and in order, so of a split ring those in hand are the ones that the ring
 * still shows: nothing is noted but how far we are. Of a packed ring the used descriptors take the
 * place of those in hand, which are therefore copied first. */

/* Bytes of a buffer were written, which lie in one region. */
void track_write(const struct vhost_virtqueue *vq, const uint8_t *at, uint32_t len);

/* A part of a batch in a packed ring is about to be shown to the driver, but for its first. */
void track_flushing(struct vhost_virtqueue *vq, const struct used_batch *batch);

/* A batch is about to be shown to the driver. */
void track_publishing(struct vhost_virtqueue *vq, const struct used_batch *batch, bool packed);

/* It was. */
void track_published(struct vhost_virtqueue *vq, const struct used_batch *batch, bool packed);

/* What the device says of its own wishes for kicks was written into the ring. */
void track_wishes(const struct vhost_virtqueue *vq);

#endif
