# nova-compute with Nova's fake virt driver, as patient as real ones: an instance runs when Neutron has said that its ports are plugged.
import os

from nova.cmd.compute import main

import eventlet

from nova import exception
from nova.virt import fake
import nova.conf

CONF = nova.conf.CONF


class PatientDriver(fake.FakeLiveMigrateDriver):
    def spawn(self, context, instance, image_meta, injected_files, admin_password, allocations, network_info=None, **more):
        awaited = [('network-vif-plugged', vif['id']) for vif in network_info or [] if vif.get('active', True) is False]
        try:
            with self.virtapi.wait_for_instance_event(
                    instance, awaited, deadline=CONF.vif_plugging_timeout, error_callback=failed):
                # What is told before means nothing to it: only now are ports plugged.
                os.makedirs(CONF.state_path, exist_ok=True)
                open(os.path.join(CONF.state_path, instance.uuid), 'w').close()
                super().spawn(context, instance, image_meta, injected_files, admin_password, allocations, network_info, **more)
        except eventlet.timeout.Timeout:
            if CONF.vif_plugging_is_fatal:
                raise exception.VirtualInterfaceCreateException()


def failed(event, instance):
    raise exception.VirtualInterfaceCreateException()


# Drivers are looked for below nova.virt.
fake.PatientDriver = PatientDriver
main()
