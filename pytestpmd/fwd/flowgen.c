/* flowgen: receive and drop, and send frames of many flows, which differ in their destination. */
#include "fwd/flowgen.h"

#define IPV4_CSUM_AT 24
#define IPV4_DST_AT  30

static void make_frame(const struct flowgen *gen, struct mbuf *m, uint32_t flow)
{
	uint8_t *frame = mbuf_data(m);
	uint32_t dst = gen->first_dst + flow, dst_field = __builtin_bswap32(dst);
	uint32_t sum = gen->ip_sum + (dst >> 16) + (dst & 0xffff);
	uint16_t cksum = net_u16((uint16_t)~net_cksum_fold(sum));

	memcpy(frame, gen->hdr, FLOWGEN_HDR_LEN);
	memcpy(frame + IPV4_CSUM_AT, &cksum, sizeof(cksum));
	memcpy(frame + IPV4_DST_AT, &dst_field, sizeof(dst_field));
}

static ALWAYS_INLINE uint32_t flow_after(const struct flowgen *gen, uint32_t flow)
{
	return flow + 1 < gen->nb_flows ? flow + 1 : 0;
}

/* A burst, each frame followed by its clones, which are the same mbuf once more and count as flows
 * of their own all the same: how long it is. */
static uint16_t make_burst(struct fwd_stream *fs, struct mbuf **pkts)
{
	struct flowgen *gen = fs->flowgen;
	uint32_t flow = gen->next_flow, each = gen->clones + 1u;
	struct mbuf *made[MAX_PKT_BURST];
	uint16_t nb_made =
	        mempool_get_some(fs->pool, made, (uint16_t)((fs->burst + each - 1) / each));
	uint16_t n = 0;

	for (uint16_t i = 0; i < nb_made; i++) {
		struct mbuf *m = made[i];

		mbuf_set(m, MBUF_HEADROOM, gen->len, fs->tx_port);
		make_frame(gen, m, flow);
		stream_ask(fs, m, fs->tx_flags);
		m->refcnt = (uint16_t)min_of(each, (uint32_t)(fs->burst - n));
		for (uint16_t c = m->refcnt; c; c--) {
			pkts[n++] = m;
			flow = flow_after(gen, flow);
		}
	}
	gen->next_flow = flow;
	return n;
}

/* Flows of packets that were not sent are used again. */
static NOINLINE void back_out(struct flowgen *gen, uint32_t nb_flows)
{
	nb_flows %= gen->nb_flows;
	gen->next_flow = gen->next_flow >= nb_flows ? gen->next_flow - nb_flows
	                                            : gen->next_flow + (gen->nb_flows - nb_flows);
}

static bool flowgen_forward(struct fwd_stream *fs)
{
	struct mbuf *pkts[MAX_PKT_BURST];
	uint16_t n = stream_receive(fs, pkts), sent;

	mbuf_free_bulk(pkts, n);
	n = make_burst(fs, pkts);
	sent = stream_transmit(fs, pkts, n);
	if (unlikely(sent < n))
		back_out(fs->flowgen, (uint32_t)(n - sent));
	return true;
}

FWD_ENGINE("flowgen", flowgen_forward, "drop what is received and send packets of many flows",
        .can_retry = true, .receives = true, .transmits = true);
