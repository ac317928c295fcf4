/* shared_rxq: receive, count and drop, as rxonly does, where one queue may bring the packets of
 * several ports: each packet is counted by the stream of the port that it is of, and what is of a
 * port without a stream on this lcore counts as dropped. Each packet is counted once; the original
 * counts those of the stream's own port twice. */
#include "fwd/engine.h"

static struct fwd_stream *stream_of(struct fwd_stream *fs, uint16_t port)
{
	if (likely(port == fs->rx_port))
		return fs;
	for (uint32_t i = 0; i < fs->nb_neighbours; i++)
		if (fs->neighbours[i]->rx_port == port &&
		        fs->neighbours[i]->rx_queue_id == fs->rx_queue_id)
			return fs->neighbours[i];
	return NULL;
}

static void count(struct fwd_stream *fs, uint16_t port, uint16_t n)
{
	struct fwd_stream *of = stream_of(fs, port);

	if (likely(of == fs))
		return;
	fs->rx_packets -= n;
	if (of)
		of->rx_packets += n;
	else
		fs->fwd_dropped += n;
}

static bool shared_rxq_forward(struct fwd_stream *fs)
{
	struct mbuf *pkts[MAX_PKT_BURST];
	uint16_t n = stream_receive(fs, pkts), run = 0;

	for (uint16_t i = 0; i < n; i += run) {
		for (run = 1; i + run < n && pkts[i + run]->port == pkts[i]->port; run++)
			;
		count(fs, pkts[i]->port, run);
	}
	mbuf_free_bulk(pkts, n);
	return n != 0;
}

FWD_ENGINE("shared_rxq", shared_rxq_forward, "receive packets of shared queues and drop them",
        .can_retry = true, .receives = true);
