#ifndef VHOST_ANNOUNCE_H
#define VHOST_ANNOUNCE_H
#include "drivers/vhost/vhost.h"

/* C only */

/* A burst of one: the announcement, or nothing while there is no mbuf for it. */
uint16_t receive_announcement(struct vhost_virtqueue *vq, struct mbuf **pkts);

#endif
