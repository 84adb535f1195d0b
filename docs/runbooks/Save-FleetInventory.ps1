<#
.SYNOPSIS
    Has many machines describe themselves and writes one JSON file a machine: the fleet that `Test-ModelFit -Machine inventory/*.json` answers for.
.DESCRIPTION
    Runs Get-MachineInventory.ps1, which lies beside this file, on each machine: over WinRM (-ComputerName) or SSH (-HostName, PowerShell 7). Nothing is
    installed or left there. A machine that does not answer is an error, and the rest go on.
.PARAMETER ComputerName
    Machines to reach over WinRM.
.PARAMETER HostName
    Machines to reach over SSH, as host or user@host.
.PARAMETER Path
    Folder for the files; made when it is not there.
.PARAMETER ThrottleLimit
    Machines at a time.
.EXAMPLE
    ./Save-FleetInventory.ps1 -ComputerName (Get-Content pcs.txt) -Path ./inventory
.EXAMPLE
    ./Save-FleetInventory.ps1 -HostName admin@ws1, admin@ws2 -Path ./inventory
#>
[CmdletBinding(DefaultParameterSetName = 'WinRM')]
param(
    [Parameter(Mandatory, ParameterSetName = 'WinRM')] [string[]] $ComputerName,
    [Parameter(Mandatory, ParameterSetName = 'SSH')] [string[]] $HostName,
    [Parameter(Mandatory)] [string] $Path,
    [Parameter(ParameterSetName = 'WinRM')] [pscredential] $Credential,
    [int] $ThrottleLimit = 32
)

$folder = (New-Item -ItemType Directory -Force $Path).FullName
$reach = @{ FilePath = Join-Path $PSScriptRoot 'Get-MachineInventory.ps1'; ThrottleLimit = $ThrottleLimit; ErrorAction = 'Continue' }
if ($HostName) { $reach.HostName = $HostName } else { $reach.ComputerName = $ComputerName }
if ($Credential) { $reach.Credential = $Credential }

Invoke-Command @reach | ForEach-Object {
    $file = Join-Path $folder "$($_.Name -replace '[^\w.-]', '_').json"
    # What remoting added is no part of a machine. Kinds come as numbers from where ModelOps is installed; the comma keeps a list of one a list.
    $kind = @{ Name = 'Kind'; Expression = { $text = "$($_.Kind)"; if ($text -match '^\d+$') { [int] $text } else { $text } } }
    $devices = @{ Name = 'Devices'; Expression = { , @($_.Devices | Select-Object -Property *, $kind -ExcludeProperty Kind, Family) } }
    $json = $_ | Select-Object -Property *, $devices -ExcludeProperty Devices, PSComputerName, PSShowComputerName, RunspaceId | ConvertTo-Json -Depth 4
    [System.IO.File]::WriteAllText($file, $json)
    Get-Item $file
}
