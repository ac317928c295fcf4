#ifndef VHOST_TRACK_H
#define VHOST_TRACK_H
#include "drivers/vhost/look.h"

/* C only */

/* Beside the data path: what a front-end that migrates its guest wants to know of each write to the
 * guest's memory. A queue is `tracked` while anybody asks; for any other this is one branch that is
 * not taken.
 *
 * A page is marked after it was written: whoever takes the mark away and copies the page has the
 * bytes, or finds the mark again (vhost-user, "Migration"). Every mark of a burst is made within
 * the burst, so whoever stops the ring and waits for its lcore has all of them. */

/* Bytes of a buffer were written, which lie in one region. */
void track_write(const struct vhost_virtqueue *vq, const uint8_t *at, uint32_t len);

/* A batch was used up and shown to the driver. */
void track_published(const struct vhost_virtqueue *vq, const struct used_batch *batch, bool packed);

/* What vhost_virtqueue_start writes into the ring. */
void track_started(const struct vhost_virtqueue *vq);

#endif
