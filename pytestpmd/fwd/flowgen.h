#ifndef FWD_FLOWGEN_H
#define FWD_FLOWGEN_H
#include "fwd/engine.h"

#define FLOWGEN_HDR_LEN 42

/* What flowgen sends on one lcore: headers made up by Python, in which destination address and
 * checksum change from flow to flow. */
struct flowgen {
	uint8_t hdr[42];
	uint16_t len;       /* of each frame */
	uint16_t clones;    /* of each frame: how often it is sent again at once */
	uint16_t ip_sum;    /* of the IP header without these two: folded, in host order */
	uint32_t first_dst; /* the destination of flow 0, in host order */
	uint32_t nb_flows;  /* at least 1 */
	uint32_t next_flow; /* lcore writes */
} ALIGNED(64);

/* C only */

#endif
