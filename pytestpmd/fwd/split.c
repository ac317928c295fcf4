#include "fwd/split.h"

#include "eal/segments.h"

/* One more segment with `len` bytes of m from `off` on; NULL when there is none for it. */
static struct mbuf *copy_segment(
        struct mempool *pool, const struct mbuf *m, uint32_t off, uint32_t len)
{
	struct mbuf *seg;

	if (!mempool_get_bulk(pool, &seg, 1))
		return NULL;
	if (len + MBUF_HEADROOM > seg->buf_len) {
		mbuf_free_bulk(&seg, 1);
		return NULL;
	}
	mbuf_set(seg, MBUF_HEADROOM, (uint16_t)len, m->port);
	pkt_read(m, off, len, mbuf_data(seg));
	return seg;
}

static void copy_offloads(struct mbuf *to, const struct mbuf *m)
{
	to->ol_flags = m->ol_flags & ~MBUF_F_RX_TIMESTAMP; /* that is the other mbuf's */
	to->vlan_tci = m->vlan_tci;
	to->l2_len = m->l2_len;
	to->l3_len = m->l3_len;
	to->l4_len = m->l4_len;
	to->tso_segsz = m->tso_segsz;
}

struct mbuf *stream_split(struct fwd_stream *fs, struct mbuf *m)
{
	const struct txonly_frame *frame = fs->txonly;
	uint32_t most =
	        frame->split_random ? 1 + stream_random(fs) % frame->nb_segs : frame->nb_segs;
	struct mbuf *first = NULL, *last = NULL;

	for (uint32_t i = 0, off = 0; off < m->pkt_len; i++) {
		uint32_t left = m->pkt_len - off;
		uint32_t len = i + 1 < most ? min_of((uint32_t)frame->seg_len[i], left) : left;
		struct mbuf *seg;

		if (len == 0)
			continue;
		seg = copy_segment(fs->pool, m, off, len);
		if (!seg) {
			if (first)
				mbuf_free_bulk(&first, 1);
			return m;
		}
		if (first) {
			last->next = seg;
			first->nb_segs++;
			first->pkt_len += len;
		} else {
			first = seg;
		}
		last = seg;
		off += len;
	}
	if (!first)
		return m;
	copy_offloads(first, m);
	mbuf_free_bulk(&m, 1);
	return first;
}
