/* net_tap: a frame a read, a frame a write (Documentation/networking/tuntap.rst). The kernel copies
 * between its buffers and our mbufs, and nothing is copied here: the net header lies in front of
 * the frame, in the headroom. */
#include "drivers/tap/tap.h"

#include <errno.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#define HDR_SIZE  sizeof(struct virtio_net_hdr)
#define FEW_SPARE 16

static_assert(HDR_SIZE <= MBUF_HEADROOM, "the header goes into the headroom");

/* Have as many spare mbufs as the longest frame takes, and some more at once, but not so many that
 * queues without work keep them from others; false when there are too few. */
static ALWAYS_INLINE bool refill(struct tap_queue *queue, uint32_t nb_segs)
{
	uint32_t wanted = nb_segs > FEW_SPARE ? nb_segs : FEW_SPARE;

	if (likely(queue->nb_spare >= nb_segs))
		return true;
	queue->nb_spare += mempool_get_some(
	        queue->pool, &queue->spare[queue->nb_spare], (uint16_t)(wanted - queue->nb_spare));
	return likely(queue->nb_spare >= nb_segs);
}

/* The spare mbufs for the next frame are the last ones of the array, the last one first. */
static ALWAYS_INLINE struct mbuf *spare(const struct tap_queue *queue, uint32_t i)
{
	return queue->spare[queue->nb_spare - 1 - i];
}

static ALWAYS_INLINE uint32_t room(const struct mbuf *m)
{
	return (uint32_t)m->buf_len - MBUF_HEADROOM;
}

/* One frame into spare mbufs: bytes with its net header, or -1. *whole is what there was room for.
 */
static ALWAYS_INLINE ssize_t read_frame(
        const struct tap_queue *queue, uint32_t nb_segs, size_t *whole)
{
	struct mbuf *first = spare(queue, 0);
	uint8_t *at = first->buf_addr + MBUF_HEADROOM - HDR_SIZE;
	struct iovec iov[TAP_MAX_SEGS];

	*whole = room(first) + HDR_SIZE;
	if (likely(nb_segs == 1))
		return read(queue->fd, at, *whole);
	iov[0] = (struct iovec){at, *whole};
	for (uint32_t i = 1; i < nb_segs; i++) {
		struct mbuf *m = spare(queue, i);

		iov[i] = (struct iovec){m->buf_addr + MBUF_HEADROOM, room(m)};
		*whole += iov[i].iov_len;
	}
	return readv(queue->fd, iov, (int)nb_segs);
}

static NOINLINE void chain(struct tap_queue *queue, struct mbuf *first, uint32_t len)
{
	struct mbuf *last = first;

	first->pkt_len = len;
	first->data_len = (uint16_t)room(first);
	for (len -= first->data_len; len; len -= last->data_len) {
		struct mbuf *m = queue->spare[--queue->nb_spare];

		mbuf_set(m, MBUF_HEADROOM, (uint16_t)min_of(len, room(m)), queue->port_id);
		last->next = m;
		last = m;
		first->nb_segs++;
	}
}

static ALWAYS_INLINE struct mbuf *take_frame(struct tap_queue *queue, uint32_t len)
{
	struct mbuf *m = queue->spare[--queue->nb_spare];
	const uint8_t *header = m->buf_addr + MBUF_HEADROOM - HDR_SIZE;
	uint16_t asked;

	mbuf_set(m, MBUF_HEADROOM, (uint16_t)len, queue->port_id);
	if (unlikely(len > room(m)))
		chain(queue, m, len);
	memcpy(&asked, header, sizeof(asked));
	if (unlikely((asked & queue->offload.header_mask) | queue->offload.vlan_strip))
		queue->bad_headers += !vnet_rx_offload(&queue->offload, m, header);
	return m;
}

uint16_t tap_rx(void *rxq, struct mbuf **pkts, uint16_t nb)
{
	struct tap_queue *queue = rxq;
	uint32_t nb_segs = load_relaxed(&queue->nb_segs);
	uint64_t bytes = 0;
	uint16_t n = 0;

	if (unlikely(!load_relaxed(&queue->enabled)))
		return 0;
	while (n < nb) {
		ssize_t len;
		size_t whole;

		if (unlikely(!refill(queue, nb_segs))) {
			queue->stats.nombuf++;
			break;
		}
		len = read_frame(queue, nb_segs, &whole);
		if (len <= (ssize_t)HDR_SIZE)
			break;
		/* what does not fit is cut off by the kernel, so a frame that fills all may be one
		 */
		if (unlikely((size_t)len == whole)) {
			queue->too_long++;
			queue->stats.errors++;
			continue;
		}
		pkts[n] = take_frame(queue, (uint32_t)((size_t)len - HDR_SIZE));
		bytes += pkts[n++]->pkt_len;
	}
	queue->stats.packets += n;
	queue->stats.bytes += bytes;
	return n;
}

static NOINLINE ssize_t write_segments(
        int fd, const struct mbuf *m, const struct virtio_net_hdr *header)
{
	struct iovec iov[TAP_MAX_SEGS + 1] = {{(void *)(uintptr_t)header, HDR_SIZE}};
	int n = 1;

	if (m->nb_segs > TAP_MAX_SEGS) {
		errno = EMSGSIZE;
		return -1;
	}
	for (; m; m = m->next)
		iov[n++] = (struct iovec){mbuf_data(m), m->data_len};
	return writev(fd, iov, n);
}

/* Where only we hold the mbuf and there is headroom, its header goes there. */
static ALWAYS_INLINE ssize_t write_frame(
        int fd, struct mbuf *m, const struct virtio_net_hdr *header)
{
	uint8_t *at = mbuf_data(m) - HDR_SIZE;

	if (unlikely(m->next || m->refcnt != 1 || m->data_off < HDR_SIZE))
		return write_segments(fd, m, header);
	memcpy(at, header, HDR_SIZE);
	return write(fd, at, m->data_len + HDR_SIZE);
}

/* Whether the packet can be sent at all, and the header that it goes with. */
static ALWAYS_INLINE bool prepare(
        const struct tap_queue *queue, struct mbuf *m, struct virtio_net_hdr *header)
{
	*header = (struct virtio_net_hdr){0};
	if (unlikely(m->ol_flags) && !vnet_tx_offload(&queue->offload, m, header))
		return false;
	return likely(m->pkt_len <= queue->max_frame) || header->gso_type;
}

/* EINVAL and EMSGSIZE are the frame's own fault; any other lies with the interface, or is the time.
 */
static bool is_frames_fault(int error)
{
	return error == EINVAL || error == EMSGSIZE || error == EFAULT;
}

uint16_t tap_tx(void *txq, struct mbuf **pkts, uint16_t nb)
{
	struct tap_queue *queue = txq;
	uint64_t bytes = 0;
	uint16_t n = 0, bad = 0;

	if (unlikely(!load_relaxed(&queue->enabled)))
		return 0;
	for (; n < nb; n++) {
		struct virtio_net_hdr header;

		if (unlikely(!prepare(queue, pkts[n], &header))) {
			bad++;
		} else if (likely(write_frame(queue->fd, pkts[n], &header) >= 0)) {
			bytes += pkts[n]->pkt_len;
		} else if (is_frames_fault(errno)) {
			bad++;
		} else {
			queue->stats.errors += errno != EAGAIN;
			break;
		}
	}
	queue->stats.packets += (uint16_t)(n - bad);
	queue->stats.bytes += bytes;
	queue->stats.errors += bad;
	mbuf_free_bulk(pkts, n);
	return n;
}

void tap_release(struct tap_queue *queue)
{
	mempool_put_bulk(queue->pool, queue->spare, (uint16_t)queue->nb_spare);
	queue->nb_spare = 0;
}

bool tap_intr_enable(void *rxq)
{
	const struct tap_queue *queue = rxq;
	struct pollfd fd = {.fd = queue->fd, .events = POLLIN};

	return load_relaxed(&queue->enabled) && poll(&fd, 1, 0) > 0 && fd.revents & POLLIN;
}

void tap_intr_disable(void *rxq)
{
	(void)rxq;
}
