#ifndef DRIVERS_VRING_H
#define DRIVERS_VRING_H
#include "eal/common.h"

/* The split virtqueue as driver and device share it (virtio 1.2, 2.7); little endian, as are the
 * machines we run on. */
struct vring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct vring_avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[]; /* size entries, then used_event */
};

struct vring_used_elem {
	uint32_t id;
	uint32_t len;
};

struct vring_used {
	uint16_t flags;
	uint16_t idx;
	struct vring_used_elem ring[]; /* size entries, then avail_event */
};

#define VRING_DESC_F_NEXT          1
#define VRING_DESC_F_WRITE         2
#define VRING_DESC_F_INDIRECT      4
#define VRING_AVAIL_F_NO_INTERRUPT 1
#define VRING_USED_F_NO_NOTIFY     1

/* The packed virtqueue (virtio 1.2, 2.8): one ring that both sides write, in turn. A descriptor is
 * available when its AVAIL bit is the driver's wrap counter and its USED bit is not; used when both
 * are. */
struct vring_packed_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};

/* Event suppression area: when its writer wants to be notified. */
struct vring_packed_event {
	uint16_t off_wrap; /* a place in the ring, and the wrap counter in bit 15 */
	uint16_t flags;
};

#define VRING_PACKED_DESC_F_AVAIL  128
#define VRING_PACKED_DESC_F_USED   32768
#define VRING_PACKED_EVENT_ENABLE  0
#define VRING_PACKED_EVENT_DISABLE 1
#define VRING_PACKED_EVENT_DESC    2

/* Before every packet (virtio 1.2, 5.1.6); without MRG_RXBUF and VERSION_1 it ends before
 * num_buffers. */
struct virtio_net_hdr {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t num_buffers;
};

#define VIRTIO_NET_HDR_F_NEEDS_CSUM 1
#define VIRTIO_NET_HDR_F_DATA_VALID 2
#define VIRTIO_NET_HDR_GSO_NONE     0
#define VIRTIO_NET_HDR_GSO_TCPV4    1
#define VIRTIO_NET_HDR_GSO_TCPV6    4

/* With HASH_REPORT it is longer. */
struct virtio_net_hdr_hash {
	struct virtio_net_hdr hdr;
	uint32_t hash_value;
	uint16_t hash_report; /* what was hashed; 0: nothing */
	uint16_t padding_reserved;
};

/* Why a queue stopped: what the other side wrote that no honest one would. 0 while all is well. */
enum vring_fault {
	VRING_OK,
	VRING_BAD_INDEX,       /* the index moved further than the ring is long */
	VRING_BAD_ID,          /* an id beyond the ring, or of a buffer that is not outstanding */
	VRING_BAD_LENGTH,      /* more bytes than the buffer holds, or fewer than the header */
	VRING_BAD_NUM_BUFFERS, /* a packet of more buffers than are outstanding */
	VRING_HALTED,          /* nothing of that kind: the ring is about to be made anew */
};

/* C only */
static_assert(sizeof(struct vring_desc) == 16, "virtio 1.2, 2.7.5");
static_assert(sizeof(struct vring_packed_desc) == 16, "virtio 1.2, 2.8.13");
static_assert(sizeof(struct vring_packed_event) == 4, "virtio 1.2, 2.8.14");
static_assert(sizeof(struct vring_used_elem) == 8, "virtio 1.2, 2.7.8");
static_assert(sizeof(struct virtio_net_hdr) == 12, "virtio 1.2, 5.1.6");
static_assert(sizeof(struct virtio_net_hdr_hash) == 20, "virtio 1.2, 5.1.6");

/* Where the other side says how far we may go without telling it (virtio 1.2, 2.7.7 and 2.7.10):
 * with EVENT_IDX, the index whose passing it wants to hear of. */
static ALWAYS_INLINE bool vring_need_event(uint16_t event, uint16_t now, uint16_t before)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

/* AVAIL and USED as the driver sets them for a wrap counter: equal to it, and unequal. */
static ALWAYS_INLINE uint16_t vring_packed_avail(bool wrap)
{
	return wrap ? VRING_PACKED_DESC_F_AVAIL : VRING_PACKED_DESC_F_USED;
}

/* As the device sets them: both equal to it. */
static ALWAYS_INLINE uint16_t vring_packed_used(bool wrap)
{
	return wrap ? VRING_PACKED_DESC_F_AVAIL | VRING_PACKED_DESC_F_USED : 0;
}

#define VRING_PACKED_STATE (VRING_PACKED_DESC_F_AVAIL | VRING_PACKED_DESC_F_USED)

/* Notifications, from either end.
 *
 * Who publishes looks then whether the other side wants to be told, and needs a full fence before:
 * the other side says so, passes a fence, and looks at the ring once more, so that one of the two
 * sees the other (virtio 1.2, 2.7.13.4 and 2.8.21.3). But a fence waits until all that a burst
 * wrote has reached the other core. So bursts look without one, and what they published stays
 * unsettled until the queue is at rest, when a burst of 0 packets settles it (ethdev.h), or the
 * ring is full, when the other side may be asleep that could empty it: a fence, and one more look.
 * Until then the next burst's look comes behind this one's stores.
 *
 * How many entries are unsettled tells a look with EVENT_IDX how far back to go: never further than
 * the ring is long, because the other side has passed what came before. */
static ALWAYS_INLINE uint16_t vring_unsettled(uint16_t unsettled, uint16_t nb, uint16_t size)
{
	uint32_t sum = (uint32_t)unsettled + nb;

	return (uint16_t)min_of(sum, (uint32_t)size);
}

/* Whether the writer of an event area wants to hear of a move by `n` to `now`, a place in a ring of
 * `size` on the lap that `wrap` tells. Reserved flags mean that it does, and so does DESC without
 * EVENT_IDX (virtio 1.2, 2.8.10). */
static ALWAYS_INLINE bool vring_packed_need_event(const struct vring_packed_event *event,
        bool event_idx, uint16_t now, bool wrap, uint16_t n, uint16_t size)
{
	/* acquire pairs with the writer's release of DESC after it wrote off_wrap */
	uint16_t flags = load_acquire(&event->flags), off_wrap, at;

	if (likely(flags == VRING_PACKED_EVENT_DISABLE))
		return false;
	if (flags != VRING_PACKED_EVENT_DESC || !event_idx)
		return true;
	off_wrap = load_relaxed(&event->off_wrap);
	at = off_wrap & 0x7fff;
	if ((off_wrap >> 15) != wrap)
		at = (uint16_t)(at - size);
	return vring_need_event(at, now, (uint16_t)(now - n));
}

static ALWAYS_INLINE uint16_t vring_used_event(const struct vring_avail *avail, uint16_t size)
{
	return load_relaxed(&avail->ring[size]);
}

static ALWAYS_INLINE uint16_t vring_avail_event(const struct vring_used *used, uint16_t size)
{
	return load_relaxed((const uint16_t *)(const void *)&used->ring[size]);
}

#endif
