<#
.SYNOPSIS
    Describes this machine as ModelOps sees machines, without ModelOps: what `Test-ModelFit -Machine` and `modelops fit --machine` take.
.DESCRIPTION
    Needs Windows PowerShell 5.1 or PowerShell 7, no administrator rights, and changes nothing. Where the ModelOps module is installed it is asked, as it knows
    more (limits of containers, memory bandwidth); -ScriptOnly keeps to the script. Without ModelOps the bandwidth of the main memory stays unknown, and with it
    the speed of what runs there.
    Sources: Windows CIM, the adapters' registry keys (qwMemorySize; WMI's AdapterRAM ends at 4 GB), nvidia-smi; Linux /proc, /sys, nvidia-smi; macOS sysctl and vm_stat.
.PARAMETER StorePath
    A folder on the disk that models would be kept on; the home folder when left out.
.PARAMETER OutputPath
    Writes the machine to this JSON file instead of the pipeline.
.PARAMETER ScriptOnly
    Does not ask the ModelOps module, even where it is installed.
.EXAMPLE
    ./Get-MachineInventory.ps1 -OutputPath "\\server\inventory\$env:COMPUTERNAME.json"
.EXAMPLE
    Invoke-Command -ComputerName pc1, pc2 -FilePath ./Get-MachineInventory.ps1 | Test-ModelFit org/repo
#>
[CmdletBinding()]
param(
    [string] $StorePath = $HOME,
    [string] $OutputPath,
    [switch] $ScriptOnly
)
$ErrorActionPreference = 'Stop'

# Windows PowerShell has no $IsLinux, and is on Windows.
$system = if ($PSVersionTable.PSVersion.Major -lt 6 -or $IsWindows) { 'Windows' } elseif ($IsMacOS) { 'macOS' } else { 'Linux' }

function New-Device([string] $Name, [string] $Kind, [long] $TotalBytes, [long] $FreeBytes) {
    [pscustomobject][ordered]@{ Name = $Name; Kind = $Kind; TotalBytes = $TotalBytes; FreeBytes = [Math]::Max([long] 0, [Math]::Min($FreeBytes, $TotalBytes)); BandwidthBytesPerSecond = $null }
}

function Read-Text([string] $Path) {
    if (Test-Path -LiteralPath $Path -PathType Leaf) { [System.IO.File]::ReadAllText($Path).Trim() }
}

function Read-Number([string] $Path) {
    $text = Read-Text $Path
    if ($text -match '^\d+$') { [long] $text }
}

# NVIDIA's own tool comes with the driver. A GPU that shares the main memory (GB10) reports "[N/A]".
function Get-NvidiaDevice([long] $MemoryBytes, [long] $FreeBytes) {
    $tool = Get-Command nvidia-smi -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if (-not $tool) { return }
    foreach ($line in & $tool.Source '--query-gpu=name,memory.total,memory.free' '--format=csv,noheader,nounits' 2>$null) {
        $parts = $line -split ',\s*'
        if ($parts.Count -ne 3) { continue }
        if ($parts[1] -match '^\d+$') { New-Device $parts[0] 'Gpu' ([long] $parts[1] * 1MB) ([long] $parts[2] * 1MB) }
        else { New-Device $parts[0] 'IntegratedGpu' $MemoryBytes $FreeBytes }
    }
}

function Get-WindowsMachine {
    $os = Get-CimInstance Win32_OperatingSystem
    $processors = @(Get-CimInstance Win32_Processor)
    $total = [long] $os.TotalVisibleMemorySize * 1KB
    $free = [long] $os.FreePhysicalMemory * 1KB
    $nvidia = @(Get-NvidiaDevice $total $free)
    $class = 'HKLM:\SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}'
    $adapters = foreach ($key in Get-ChildItem $class -ErrorAction SilentlyContinue | Where-Object PSChildName -Match '^\d{4}$') {
        $adapter = Get-ItemProperty $key.PSPath -ErrorAction SilentlyContinue
        $own = [long] $adapter.'HardwareInformation.qwMemorySize'
        switch -Regex ($adapter.MatchingDeviceId) {
            'VEN_10DE' { if (-not $nvidia -and $own) { New-Device $adapter.DriverDesc 'Gpu' $own $own }; break }
            'VEN_1002|VEN_8086' {
                # Below this it is a window into the main memory, of which Windows lets such a GPU have half.
                if ($own -ge 3GB) { New-Device $adapter.DriverDesc 'Gpu' $own $own }
                else { New-Device $adapter.DriverDesc 'IntegratedGpu' ([long] ($total / 2)) ([Math]::Min($free, [long] ($total / 2))) }
            }
        }
    }
    @{
        OperatingSystem   = "$($os.Caption) $($os.Version)"
        Processor         = "$($processors[0].Name)".Trim()
        PhysicalCores     = ($processors | Measure-Object NumberOfCores -Sum).Sum
        LogicalProcessors = ($processors | Measure-Object NumberOfLogicalProcessors -Sum).Sum
        Devices           = @(New-Device 'CPU' 'Cpu' $total $free) + $nvidia + @($adapters)
    }
}

function Get-LinuxGraphics([long] $MemoryBytes, [long] $FreeBytes) {
    foreach ($card in Get-ChildItem /sys/class/drm -ErrorAction SilentlyContinue | Where-Object Name -Match '^card\d+$') {
        $folder = "$($card.FullName)/device"
        $id = ("$(Read-Text "$folder/device")" -replace '^0x').ToLowerInvariant()
        switch (Read-Text "$folder/vendor") {
            '0x1002' {
                $total = Read-Number "$folder/mem_info_vram_total"
                if (-not $total) { break }
                $name = Read-Text "$folder/product_name"
                if (-not $name) { $name = "AMD GPU $id" }
                $free = $total - [long] (Read-Number "$folder/mem_info_vram_used")
                if ($total -ge 3GB) { New-Device $name 'Gpu' $total $free; break }
                # The carve-out of a GPU inside the processor, whose real pool is main memory.
                $shared = [long] (Read-Number "$folder/mem_info_gtt_total")
                $sharedFree = [Math]::Min($FreeBytes, $shared - [long] (Read-Number "$folder/mem_info_gtt_used"))
                New-Device $name 'IntegratedGpu' ($total + $shared) ($free + $sharedFree)
            }
            '0x8086' {
                $own = [long] (Get-ChildItem $folder -Filter 'tile*' -ErrorAction SilentlyContinue | ForEach-Object { Read-Text "$($_.FullName)/physical_vram_size_bytes" } | Measure-Object -Sum).Sum
                if (-not $own) { $own = [long] (Read-Number "$($card.FullName)/lmem_total_bytes") }
                if ($own) { New-Device "Intel GPU $id" 'Gpu' $own $own }
                else { New-Device "Intel GPU $id" 'IntegratedGpu' ([long] ($MemoryBytes / 2)) ([Math]::Min($FreeBytes, [long] ($MemoryBytes / 2))) }
            }
        }
    }
}

function Get-LinuxMachine {
    $memory = @{}
    foreach ($line in [System.IO.File]::ReadAllLines('/proc/meminfo')) { if ($line -match '^(\w+):\s+(\d+) kB') { $memory[$Matches[1]] = [long] $Matches[2] * 1KB } }
    $total = $memory['MemTotal']
    $free = if ($memory.ContainsKey('MemAvailable')) { $memory['MemAvailable'] } else { $memory['MemFree'] + $memory['Buffers'] + $memory['Cached'] }
    # The limit of a container or a service, where there is one on the way.
    foreach ($limit in '/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes') {
        $most = Read-Number $limit
        if ($most -and $most -lt $total) {
            $used = Read-Number ($limit -replace 'memory\.max$', 'memory.current' -replace 'limit_in_bytes$', 'usage_in_bytes')
            $total = $most
            $free = [Math]::Min($free, $most - [long] $used)
        }
    }
    $model = @([System.IO.File]::ReadAllLines('/proc/cpuinfo') | Where-Object { $_ -match '^model name\s*:\s*(.+)$' } | ForEach-Object { $_ -replace '^model name\s*:\s*' })
    $cores = @(Get-ChildItem /sys/devices/system/cpu -ErrorAction SilentlyContinue | Where-Object Name -Match '^cpu\d+$' | ForEach-Object {
            $core = Read-Text "$($_.FullName)/topology/core_id"
            if ($core) { "$(Read-Text "$($_.FullName)/topology/physical_package_id")/$core" }
        } | Sort-Object -Unique)
    $release = @(if (Test-Path /etc/os-release) { [System.IO.File]::ReadAllLines('/etc/os-release') -match '^PRETTY_NAME=' -replace '^PRETTY_NAME=' -replace '"' })
    $logical = [Environment]::ProcessorCount
    @{
        OperatingSystem   = "$($release[0]) (Linux $(Read-Text /proc/sys/kernel/osrelease))".Trim()
        Processor         = if ($model) { ($model[0] -replace '\s+', ' ').Trim() } else { [System.Runtime.InteropServices.RuntimeInformation]::OSArchitecture.ToString() }
        PhysicalCores     = [Math]::Max(1, [Math]::Min($logical, $cores.Count))
        LogicalProcessors = $logical
        Devices           = @(New-Device 'CPU' 'Cpu' $total $free) + @(Get-NvidiaDevice $total $free) + @(Get-LinuxGraphics $total $free)
    }
}

function Get-MacMachine {
    $total = [long] (& /usr/sbin/sysctl -n hw.memsize)
    $page = 4096
    $pages = 0
    foreach ($line in & /usr/bin/vm_stat) {
        if ($line -match 'page size of (\d+) bytes') { $page = [long] $Matches[1] }
        elseif ($line -match '^Pages (free|inactive|speculative):\s+(\d+)') { $pages += [long] $Matches[2] }
    }
    $free = [Math]::Min($total, $pages * $page)
    $chip = & /usr/sbin/sysctl -n machdep.cpu.brand_string
    $devices = @(New-Device 'CPU' 'Cpu' $total $free)
    if ((& /usr/bin/uname -m) -eq 'arm64') {
        # Metal may wire two thirds of up to 36 GB and three quarters of more, unless the user has set a limit.
        $wired = [long] (& /usr/sbin/sysctl -n iogpu.wired_limit_mb 2>$null)
        $share = if ($wired -gt 0) { [Math]::Min($total, $wired * 1MB) } elseif ($total -le 36GB) { [long] ($total / 3) * 2 } else { [long] ($total / 4) * 3 }
        $devices += New-Device "$chip GPU" 'IntegratedGpu' $share $free
    }
    @{
        OperatingSystem   = "macOS $(& /usr/bin/sw_vers -productVersion)"
        Processor         = $chip
        PhysicalCores     = [int] (& /usr/sbin/sysctl -n hw.physicalcpu)
        LogicalProcessors = [int] (& /usr/sbin/sysctl -n hw.logicalcpu)
        Devices           = $devices
    }
}

if (-not $ScriptOnly -and (Get-Module -ListAvailable ModelOps)) {
    $machine = Get-ModelHardware -MeasureBandwidth -Store $StorePath
}
else {
    $found = & "Get-$(@{ Windows = 'Windows'; Linux = 'Linux'; macOS = 'Mac' }[$system])Machine"
    $drive = [System.IO.DriveInfo]::new([System.IO.Path]::GetFullPath($StorePath))
    $machine = [pscustomobject][ordered]@{
        SchemaVersion     = 1
        Name              = [Environment]::MachineName
        OperatingSystem   = $found.OperatingSystem
        Architecture      = "$([System.Runtime.InteropServices.RuntimeInformation]::OSArchitecture)".ToLowerInvariant()
        Processor         = $found.Processor
        PhysicalCores     = [int] $found.PhysicalCores
        LogicalProcessors = [int] $found.LogicalProcessors
        Devices           = $found.Devices
        DiskFreeBytes     = $drive.AvailableFreeSpace
    }
}

if ($OutputPath) {
    $full = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($OutputPath)
    # The same without a byte order mark in either PowerShell.
    [System.IO.File]::WriteAllText($full, ($machine | ConvertTo-Json -Depth 4))
}
else {
    $machine
}
