BeforeDiscovery {
    $root = Split-Path (Split-Path $PSScriptRoot)
    $exported = (Import-PowerShellDataFile (Join-Path $root 'ModelOps.psd1')).CmdletsToExport
}

BeforeAll {
    . (Join-Path $PSScriptRoot 'Common.ps1')
}

Describe 'The module' {
    It 'exports what its manifest lists' {
        $manifest = Import-PowerShellDataFile (Join-Path $Root 'ModelOps.psd1')
        (Get-Command -Module ModelOps).Name | Sort-Object | Should -Be ($manifest.CmdletsToExport | Sort-Object)
        (Get-Command -Module ModelOps).CommandType | Select-Object -Unique | Should -Be 'Cmdlet'
    }

    It 'has every cmdlet of the assembly in its manifest' {
        $types = [ModelOps.PowerShell.ModelOpsCmdlet].Assembly.GetTypes().Where{ -not $_.IsAbstract -and $_.IsAssignableTo([System.Management.Automation.Cmdlet]) }
        $types.Count | Should -Be (Get-Command -Module ModelOps).Count
        $types.Where{ -not $_.IsSealed } | Should -BeNullOrEmpty
    }

    It 'is a valid manifest' {
        (Test-ModuleManifest (Join-Path $Root 'ModelOps.psd1')).Version | Should -Be '0.1.0'
    }

    It 'brings no assembly but its own' {
        (Get-ChildItem (Join-Path $Root 'bin') -Filter *.dll).Name | Sort-Object | Should -Be 'ModelOps.Core.dll', 'ModelOps.PowerShell.dll'
    }

    It 'can be removed and imported again' {
        $other = [powershell]::Create()
        try {
            $count = $other.AddScript('param($psd1) Import-Module $psd1; Remove-Module ModelOps; $gone = Get-Command Find-Model -ErrorAction Ignore; Import-Module $psd1; [bool]$gone; (Get-Command -Module ModelOps).Count').AddArgument((Join-Path $Root 'ModelOps.psd1')).Invoke()
            $count[0] | Should -BeFalse
            $count[1] | Should -Be @((Import-PowerShellDataFile (Join-Path $Root 'ModelOps.psd1')).CmdletsToExport).Count
        }
        finally { $other.Dispose() }
    }
}

Describe 'Cmdlet <_>' -ForEach $exported {
    BeforeAll {
        $info = Get-Command $_
        $help = Get-Help $_ -Full
    }

    It 'says what it writes' {
        $info.OutputType | Should -Not -BeNullOrEmpty
    }

    It 'has help with a synopsis and two examples or more' {
        $help.Synopsis | Should -Match '^[A-Z].*\.$'
        @($help.examples.example).Count | Should -BeGreaterOrEqual 2
        foreach ($example in $help.examples.example) {
            $example.code | Should -Match "\b$($info.Name)\b"
        }
    }

    It 'has examples that parse and bind' {
        foreach ($example in $help.examples.example) {
            $problems = $null
            $tree = [System.Management.Automation.Language.Parser]::ParseInput($example.code, [ref]$null, [ref]$problems)
            $problems | Should -BeNullOrEmpty
            foreach ($command in $tree.FindAll({ $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true)) {
                $called = Get-Command $command.GetCommandName() -ErrorAction Stop
                foreach ($parameter in $command.CommandElements.Where{ $_ -is [System.Management.Automation.Language.CommandParameterAst] }) {
                    { $called.ResolveParameter($parameter.ParameterName) } | Should -Not -Throw
                }
            }
        }
    }

    It 'has help for every parameter' {
        $common = [System.Management.Automation.PSCmdlet]::CommonParameters + [System.Management.Automation.PSCmdlet]::OptionalCommonParameters
        foreach ($name in $info.Parameters.Keys.Where{ $_ -notin $common }) {
            $described = $help.parameters.parameter.Where{ $_.name -eq $name }
            $described.description.Text | Should -Not -BeNullOrEmpty -Because "-$name must be described"
        }
    }

    It 'completes its name and its parameters' {
        $text = "$($info.Name) -"
        (TabExpansion2 $text $text.Length).CompletionMatches.Count | Should -BeGreaterThan 0
    }
}

Describe 'Help' {
    It 'is what docs/Update-Help.ps1 writes' {
        $folder = New-TestFolder
        try {
            & (Join-Path $Root 'docs/Update-Help.ps1') -Destination $folder
            foreach ($name in (Get-ChildItem (Join-Path $Root 'docs/en-US') -Filter *-*.md).Name) {
                Get-Content -Raw (Join-Path $folder 'en-US' $name) | Should -BeExactly (Get-Content -Raw (Join-Path $Root 'docs/en-US' $name)) -Because "$name must be up to date"
            }
            $xml = 'ModelOps.PowerShell.dll-Help.xml'
            Get-Content -Raw (Join-Path $folder $xml) | Should -BeExactly (Get-Content -Raw (Join-Path $Root 'module/en-US' $xml))
            Get-Content -Raw (Join-Path $Root 'bin/en-US' $xml) | Should -BeExactly (Get-Content -Raw (Join-Path $Root 'module/en-US' $xml))
        }
        finally { Remove-Item -Recurse $folder }
    }
}

Describe 'Parameter sets' {
    It 'of <Name> are <Sets>' -ForEach @(
        @{ Name = 'Convert-Model'; Sets = @('LiteralPath', 'Path', 'Remote') }
        @{ Name = 'Get-ModelInfo'; Sets = @('LiteralPath', 'Path') }
        @{ Name = 'Import-Model'; Sets = @('LiteralPath', 'Path') }
        @{ Name = 'Install-Model'; Sets = @('Bundle', 'Hub') }
        @{ Name = 'Test-ModelFit'; Sets = @('Machine', 'Model', 'Repository') }
    ) {
        (Get-Command $Name).ParameterSets.Name | Sort-Object | Should -Be $Sets
    }

    It 'offer -WhatIf where the disk or a process changes, and nowhere else' {
        (Get-Command -Module ModelOps).Where{ $_.Parameters.ContainsKey('WhatIf') }.Name | Sort-Object | Should -Be 'Clear-ModelStore', 'Close-ModelSession', 'Convert-Model', 'Export-Model', 'Export-ModelBundle', 'Import-Model', 'Install-Model', 'Install-ModelRuntime', 'Measure-ModelSensitivity', 'Save-Model', 'Set-ModelRuntime', 'Start-ModelMirror', 'Start-ModelServer', 'Stop-ModelMirror', 'Stop-ModelServer', 'Test-Model', 'Uninstall-Model', 'Uninstall-ModelRuntime'
    }
}

Describe 'Views' {
    BeforeAll {
        function Show($InputObject, $Width = 80) { ($InputObject | Out-String -Width $Width) -replace '\e\[[0-9;]*m', '' }
    }

    It 'give sizes for people: <Bytes> is <Text>' -ForEach @(
        @{ Bytes = 0; Text = '0 B' }
        @{ Bytes = 999; Text = '999 B' }
        @{ Bytes = 1000; Text = '0.98 KiB' }
        @{ Bytes = 1536; Text = '1.50 KiB' }
        @{ Bytes = 4920734272; Text = '4.58 GiB' }
        @{ Bytes = 16106127360; Text = '15.0 GiB' }
        @{ Bytes = [long]::MaxValue; Text = '8.00 EiB' }
    ) {
        [ModelOps.PowerShell.ByteSize]::Format($Bytes) | Should -BeExactly $Text
    }

    It 'show every column of <_.Name> in a window of eighty columns' -ForEach @(
        @{ Name = 'ModelSummary'; Value = { [ModelOps.ModelSummary]::new('organisation/' + ('r' * 45), 123456789, 12345, [datetimeoffset]'2026-01-02', 'text-generation', 'apache-2.0', $true, [string[]]@('gguf')) }; Has = '2026-01-02', 'apache-2.0', 'yes' }
        @{ Name = 'ModelVariant'; Value = { [ModelOps.ModelVariant]::new('organisation/' + ('r' * 60), 'c' * 40, 'UD-Q4_K_XL', 'Gguf', 4920734272, [ModelOps.RepositoryFile[]]@()) }; Has = 'UD-Q4_K_XL', '4.58 GiB' }
        @{ Name = 'InstalledModel'; Value = { [ModelOps.InstalledModel]::new('organisation/' + ('r' * 60), 'c' * 40, 'UD-Q4_K_XL', 'Gguf', '/p', 4920734272, [ModelOps.InstalledFile[]]@(), [datetimeoffset]'2026-01-02T12:00:00Z') }; Has = 'UD-Q4_K_XL', '4.58 GiB', 'cccccccc', '2026-01-0' }
        @{ Name = 'ModelVerification'; Value = { [ModelOps.ModelVerification]::new('organisation/' + ('r' * 60), 'c' * 40, 'UD-Q4_K_XL', 'Unverifiable', 4920734272, [ModelOps.VerifiedFile[]]@(), $null) }; Has = 'UD-Q4_K_XL', 'Unverifiable', '4.58 GiB', 'cccccccc' }
        @{ Name = 'VerifiedFile'; Value = { [ModelOps.VerifiedFile]::new('model-00001-of-00002.safetensors', 'Unverifiable', 4920734272, 'd' * 64, 'It cannot be read: ' + 'x' * 60) }; Has = 'Unverifiable', '4.58 GiB' }
        @{ Name = 'RemovalResult'; Value = { [ModelOps.RemovalResult]::new('/' + 's' * 60, [ModelOps.InstalledModel[]]@(), [ModelOps.RemovalItem[]]@(), 4920734272, [ModelOps.StoreNote[]]@()) }; Has = '4.58 GiB' }
        @{ Name = 'RemovalItem'; Value = { [ModelOps.RemovalItem]::new('o/r', 'SnapshotFile', '/' + 's' * 90, 4920734272, 'nothing refers to it any more') }; Has = 'SnapshotFile', '4.58 GiB' }
        @{ Name = 'StoreNote'; Value = { [ModelOps.StoreNote]::new('o/r', '/' + 's' * 90, 'Not a blob: its name is no digest.') }; Has = 'Not a blob' }
        @{ Name = 'SavedModel'; Value = { [ModelOps.SavedModel]::new('organisation/' + ('r' * 60), 'c' * 40, 'UD-Q4_K_XL', 'Gguf', '/' + ('p' * 60), 4920734272, [ModelOps.InstalledFile[]]@()) }; Has = 'UD-Q4_K_XL', '4.58 GiB', 'cccccccc', '/pppp' }
        @{ Name = 'QualityResult'; Value = { [ModelOps.QualityResult]::new(123456789, 12.34567, 0.00012345, 0.98765, 1234.5) }; Has = '12.3457', '0.000123', '98.7', '1234.5' }
        @{ Name = 'Device'; Value = { [ModelOps.Device]::new('NVIDIA GeForce RTX 4090', 'Gpu', 25769803776, 25000000000, 1e12) }; Has = 'NVIDIA GeForce RTX 4090', '24.0 GiB', '931 GiB/s' }
        @{ Name = 'DeviceFit'; Value = { [ModelOps.DeviceFit]::new('NVIDIA GeForce RTX 4090', 'Gpu', 1gb, 2gb, 3mb, 4mb, 5mb, 6gb, 7gb) }; Has = '1.00 GiB', '7.00 GiB' }
    ) {
        $text = Show (& $_.Value)
        ($text -split '\r?\n').Length | Should -BeGreaterThan 2
        ($text -split '\r?\n').ForEach{ $_.Length } | Sort-Object -Bottom 1 | Should -BeLessOrEqual 80
        $text | Should -Not -Match '…'
        foreach ($part in $_.Has) { $text | Should -Match ([regex]::Escape($part)) }
    }

    It 'show the text of an answer' {
        $answer = [ModelOps.GenerationResult]::new("One.`nTwo.", [int[]](1, 2), 3, 4.5, 6.7, 'Stop')
        (Show $answer).Trim() -replace '\r', '' | Should -BeExactly "One.`nTwo."
        $answer | Format-List | Out-String | Should -Match 'TokensPerSecond'
    }
}
