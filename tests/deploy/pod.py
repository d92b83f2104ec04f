"""A rendered pod, started with podman as a kubelet would start it.

Follows the fields of the manifest that matter to a process: user, groups,
rights, environment, arguments, mounts, memory. The probes are the caller's.
"""

import os
import tempfile

import manifests


class Pod:
    def __init__(self, box, name, template, images, files=None):
        """box: Containers. name: begins the containers' names. images: the
        manifest's names to local ones. files: the ConfigMaps and Secrets,
        {name: {file: content}}.
        """
        self.box = box
        self.name = name
        self.spec = template["spec"]
        self.images = images
        self.files = files or {}
        self.containers = {c["name"]: c for c in manifests.containers(template)}
        self.volumes = {}
        for volume in self.spec.get("volumes", []):
            folder = f"{box.box}/{name}-{volume['name']}"
            os.mkdir(folder)
            self.volumes[volume["name"]] = folder
            self._fill(volume, folder)

    def _fill(self, volume, folder):
        # As a kubelet does: open to all, and of the fsGroup if there is one.
        group = self._file_group()
        os.chown(folder, 0, group)
        os.chmod(folder, 0o2777 if group else 0o777)
        if "configMap" in volume:
            self.project(volume["name"], self.files[volume["configMap"]["name"]])
        elif "secret" in volume:
            secret = volume["secret"]
            files = self.files[secret["secretName"]]
            self.project(volume["name"], files, secret["defaultMode"])
        elif "emptyDir" not in volume:
            raise AssertionError(f"cannot make the volume {volume}")

    def _file_group(self):
        return self.spec["securityContext"].get("fsGroup", 0)

    def project(self, volume, files, mode=0o644):
        """The files of a volume, all changed at once as a kubelet does: a new
        folder, and a link to it that is replaced.
        """
        folder = self.volumes[volume]
        group = self._file_group()
        inner = tempfile.mkdtemp(prefix="..", dir=folder)
        os.chown(inner, 0, group)
        os.chmod(inner, 0o755)
        for name, content in files.items():
            path = os.path.join(inner, name)
            with open(path, "w") as file:
                file.write(content)
            os.chown(path, 0, group)
            os.chmod(path, mode | 0o440 if group else mode)
            link = os.path.join(folder, name)
            if not os.path.islink(link):
                os.symlink(os.path.join("..data", name), link)
        os.symlink(os.path.basename(inner), os.path.join(folder, "..data_tmp"))
        os.rename(os.path.join(folder, "..data_tmp"), os.path.join(folder, "..data"))

    def _options(self, container):
        security = {**self.spec["securityContext"], **container["securityContext"]}
        yield f"--user={security['runAsUser']}:{security['runAsGroup']}"
        groups = security.get("supplementalGroups", [])
        for group in {*groups, self._file_group()} - {0}:
            yield f"--group-add={group}"
        yield f"--cap-drop={','.join(security['capabilities']['drop'])}"
        yield f"--memory={manifests.bytes_of(container['resources']['limits']['memory'])}"
        if not security["allowPrivilegeEscalation"]:
            yield "--security-opt=no-new-privileges"
        if security["readOnlyRootFilesystem"]:
            yield "--read-only"
            yield "--read-only-tmpfs=false"
        for name, value in manifests.environment(container).items():
            yield f"--env={name}={value}"
        for mount in container.get("volumeMounts", []):
            mode = ":ro" if mount.get("readOnly") else ""
            yield f"--volume={self.volumes[mount['name']]}:{mount['mountPath']}{mode}"

    def id(self, name):
        return f"{self.name}-{name}"

    def start(self, name):
        """The first one makes the pod's network, which reaches nobody."""
        container = self.containers[name]
        first = next(iter(self.containers))
        network = "none" if name == first else f"container:{self.id(first)}"
        self.box.start(
            self.id(name), f"--network={network}", *self._options(container),
            self.images[manifests.image_of(container)], *container.get("args", []),
        )  # fmt: skip

    def wait(self, name):
        """Until the startup probe succeeds."""
        probe = self.containers[name]["startupProbe"]
        self.box.wait(self.id(name), *probe["exec"]["command"])
