#include "fwd/engine.h"

LINKER_TABLE(fwd_engines);

uint32_t fwd_engine_count(void)
{
	return (uint32_t)(__stop_fwd_engines - __start_fwd_engines);
}

const struct fwd_engine *fwd_engine_at(uint32_t index)
{
	assert(index < fwd_engine_count());
	return __start_fwd_engines[index];
}

uint16_t NOINLINE stream_retry(struct fwd_stream *fs, struct mbuf **pkts, uint16_t n, uint16_t sent)
{
	for (uint32_t try = 0; try < fs->retry_num && sent < n; try++) {
		uint64_t until = cycles_now() + fs->retry_delay_cycles;

		while (cycles_now() < until)
			cpu_relax();
		sent += fs->tx_burst(fs->tx_queue, &pkts[sent], (uint16_t)(n - sent));
	}
	return sent;
}

void fwd_settle(struct fwd_stream *fs)
{
	struct mbuf *none[1] = {NULL}; /* memcpy(3) takes no null pointer, not even for 0 bytes */

	if (fs->rx_burst)
		fs->rx_burst(fs->rx_queue, none, 0);
	if (fs->tx_burst)
		fs->tx_burst(fs->tx_queue, none, 0);
}

uint32_t fwd_flush(struct fwd_stream *fs, uint32_t most)
{
	struct mbuf *pkts[MAX_PKT_BURST];
	uint32_t flushed = 0;
	uint16_t n;

	while (flushed < most && (n = fs->rx_burst(fs->rx_queue, pkts, fs->burst)) != 0) {
		mbuf_free_bulk(pkts, n);
		flushed += n;
	}
	fs->rx_burst(fs->rx_queue, pkts, 0);
	return flushed;
}
