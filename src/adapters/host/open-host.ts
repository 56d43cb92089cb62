// The doors of the machine (or sandbox) that this process runs in.
import type { Host } from '../../contracts/host/host.ts';
import { ConntrackTool } from './conntrack/conntrack.ts';
import { OvsDatapath } from './datapath/ovs-datapath.ts';
import { DiskFiles } from './files/disk-files.ts';
import { IpsetTool } from './ipsets/ipset.ts';
import { IptablesTools } from './iptables/iptables.ts';
import { IpLinks } from './links/ip-links.ts';
import { NftTool } from './nft/nft.ts';
import { OvsOpenflow } from './openflow/openflow.ts';
import { OvsdbSockets } from './ovsdb/ovsdb-sockets.ts';
import { Daemons } from './processes/daemons.ts';
import { TcTool } from './qdiscs/tc.ts';
import { Tools, type ToolsOptions } from './tools.ts';

export function openHost(options: ToolsOptions = {}): Host {
  const tools = new Tools(options);
  const files = new DiskFiles(tools);
  return {
    links: new IpLinks(tools),
    ovsdb: new OvsdbSockets(),
    iptables: new IptablesTools(tools),
    nft: new NftTool(tools),
    ipsets: new IpsetTool(tools),
    conntrack: new ConntrackTool(tools),
    openflow: new OvsOpenflow(),
    datapath: new OvsDatapath(),
    processes: new Daemons(tools, files),
    qdiscs: new TcTool(tools),
    files,
  };
}
