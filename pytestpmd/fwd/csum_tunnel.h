#ifndef FWD_CSUM_TUNNEL_H
#define FWD_CSUM_TUNNEL_H
#include "eal/parse.h"
#include "fwd/csum.h"

/* C only */

/* Find the headers of the packet that is inside the one with the headers `outer`; its l2_len counts
 * all that is before its IP header. False where there is no tunnel, or nothing in it that is all
 * there. Tunnels: VXLAN, VXLAN-GPE, GENEVE, GTP, GRE and NVGRE, IP in IP. */
bool csum_find_inner(const struct csum_settings *set, const struct mbuf *m,
        const struct net_hdrs *outer, struct net_hdrs *inner);

#endif
