/* txonly: frames from a template, whose headers Python has made. The payload is what the buffers
 * held before, as in the original: the bytes of a packet that passed through this program, or
 * zeros. */
#include "fwd/engine.h"

#include <arpa/inet.h>

#define IPV4_AT      14
#define IPV4_LEN_AT  16
#define IPV4_CSUM_AT 24
#define UDP_SRC_AT   34
#define UDP_LEN_AT   38
#define FIRST_FLOW   0xC0

static void put_u16(uint8_t *at, uint16_t value)
{
	value = htons(value);
	memcpy(at, &value, sizeof(value));
}

/* The IPv4 and UDP lengths of a packet that is shorter than the template's, and the header's
 * checksum (RFC 1071); UDP has none. */
static void set_lengths(uint8_t *frame, uint32_t pkt_len)
{
	uint32_t sum = 0;

	put_u16(frame + IPV4_LEN_AT, (uint16_t)(pkt_len - 14));
	put_u16(frame + UDP_LEN_AT, (uint16_t)(pkt_len - 34));
	put_u16(frame + IPV4_CSUM_AT, 0);
	for (int at = IPV4_AT; at < UDP_SRC_AT; at += 2)
		sum += (uint32_t)(frame[at] << 8 | frame[at + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put_u16(frame + IPV4_CSUM_AT, (uint16_t)~sum);
}

/* Segments behind the first; false when the pool is empty, with what was taken linked to pkt for
 * the caller to free. */
static NOINLINE bool add_segments(struct fwd_stream *fs, struct mbuf *pkt)
{
	const struct txonly_frame *frame = fs->txonly;
	uint16_t nb_segs = frame->nb_segs;
	struct mbuf *last = pkt;

	if (frame->split_random)
		nb_segs = (uint16_t)(1 + stream_random(fs) % nb_segs);
	for (uint16_t i = 1; i < nb_segs; i++) {
		struct mbuf *seg;

		if (!mempool_get_bulk(fs->pool, &seg, 1))
			return false;
		mbuf_set(seg, MBUF_HEADROOM, frame->seg_len[i], fs->tx_port);
		last->next = seg;
		last = seg;
		pkt->nb_segs++;
		pkt->pkt_len += seg->data_len;
	}
	if (pkt->pkt_len != frame->pkt_len)
		set_lengths(mbuf_data(pkt), pkt->pkt_len);
	return true;
}

static uint16_t make_frames(struct fwd_stream *fs, struct mbuf **pkts)
{
	const struct txonly_frame *frame = fs->txonly;
	uint16_t n = mempool_get_some(fs->pool, pkts, fs->burst);

	for (uint16_t i = 0; i < n; i++) {
		struct mbuf *m = pkts[i];

		mbuf_set(m, MBUF_HEADROOM, frame->seg_len[0], fs->tx_port);
		memcpy(mbuf_data(m), frame->hdr, TXONLY_HDR_LEN);
		stream_ask(fs, m, fs->tx_flags | frame->tx_flags);
		if (unlikely(frame->nb_flows))
			put_u16(mbuf_data(m) + UDP_SRC_AT,
			        (uint16_t)((FIRST_FLOW + fs->flow++ % frame->nb_flows) << 8 |
			                   (this_lcore & 0xff)));
		if (unlikely(frame->nb_segs > 1) && !add_segments(fs, m)) {
			mbuf_free_bulk(&pkts[i], (uint16_t)(n - i));
			return i;
		}
	}
	return n;
}

static bool txonly_forward(struct fwd_stream *fs)
{
	struct mbuf *pkts[MAX_PKT_BURST];
	uint16_t n = make_frames(fs, pkts);

	if (n == 0)
		return false;
	/* flows of packets that were not sent are used again */
	fs->flow -= (uint32_t)(n - stream_transmit(fs, pkts, n));
	return true;
}

FWD_ENGINE("txonly", txonly_forward, "make packets and send them", .can_retry = true,
        .transmits = true);
